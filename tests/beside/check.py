"""Installs this package together with others that have bounds of their own, and lets all work in one program.

There it also passes the tests of the transport for py-libp2p (``py_libp2p``), and mypy checks its types.

Run as ``python -m tests.beside.check [--wheel WHEEL] [--types]``; with ``--types`` it only verifies that each
public name has a complete type, those of the transport for py-libp2p as well. The others are the newest that
pip finds, but for libp2p: no release of it up to this one could once be installed beside this package.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.beside import environment
from tests.faults.installing import build, install, run

OTHERS = ("grpcio", "opentelemetry-sdk")
TOOLS = ("pytest", "mypy")
HERE = Path(__file__).parent
PROGRAM = HERE / "program.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wheel", type=Path, help="this wheel, in place of one that is built")
    parser.add_argument("--types", action="store_true", help="only verify that public names have types")
    options = parser.parse_args()
    wheel: Path | None = options.wheel
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        wheel = wheel.resolve() if wheel else build(directory)
        python = environment.make(directory / "beside", wheel, *OTHERS)
        if options.types:
            verify_types(python, wheel, directory)
            return
        run(python, "-m", "pip", "check")
        run(python, PROGRAM, directory=directory)
        install(python, *TOOLS)
        mypy = HERE / "mypy.ini"
        run(python, "-m", "mypy", "--config-file", mypy, "-p", "webrtc_direct.libp2p", directory=directory)
        run(python, "-m", "pytest", "-q", "-c", HERE / "pytest.ini", HERE / "py_libp2p")


def verify_types(python: Path, wheel: Path, directory: Path) -> None:
    """Let pyright look at each public name; it takes the packages of the first Python in the path."""
    install(python, f"{wheel}[cli,web]")
    pyright = Path(sys.executable).with_name("pyright")
    path = f"PATH={python.parent}:{os.environ['PATH']}"
    run("env", path, pyright, "--verifytypes", "webrtc_direct", "--ignoreexternal", directory=directory)


if __name__ == "__main__":
    main()
