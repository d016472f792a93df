"""Installs this package together with others that have bounds of their own, and lets all work in one program.

Run as ``python -m tests.beside.check [--wheel WHEEL] [--parts PART ...]``. The parts share one environment:

- ``package``: all work in one program, mypy checks the types of the transport for py-libp2p, and its tests
  (``py_libp2p``) pass. This is the default.
- ``own-tests``: the quick part of py-libp2p's own tests over our transport (``own_tests``).
- ``chat``: the tests of ``examples/libp2p_chat`` with a page and go-libp2p (``chat``). It builds these first.
- ``types``: each public name has a complete type, those of the transport for py-libp2p as well.

The others are the newest that pip finds, but for libp2p: no release of it up to this one could once be
installed beside this package.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.beside.environment import libp2p_environment
from tests.beside.own_tests.run import compare_quick
from tests.faults.installing import ROOT, build, install, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OTHERS = ("grpcio", "opentelemetry-sdk")
HERE = Path(__file__).parent
PROGRAM = HERE / "program.py"


@dataclass(frozen=True)
class Environment:
    """An environment that has all of them, from *wheel*, and a *directory* for what a part writes."""

    python: Path
    wheel: Path
    directory: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wheel", type=Path, help="this wheel, in place of one that is built")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["package"], help="what to check")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        wheel = options.wheel.resolve() if options.wheel else build(directory)
        python = libp2p_environment(directory / "beside", wheel, *OTHERS)
        for part in options.parts:
            PARTS[part](Environment(python, wheel, directory))


def check_package(environment: Environment) -> None:
    """Use all in one program, check types, and run the tests of the transport."""
    python, directory = environment.python, environment.directory
    run(python, "-m", "pip", "check")
    run(python, PROGRAM, directory=directory)
    install(python, "pytest", "mypy")
    mypy = HERE / "mypy.ini"
    run(python, "-m", "mypy", "--config-file", mypy, "-p", "webrtc_direct.libp2p", directory=directory)
    run_tests(python, "py_libp2p")


def check_chat(environment: Environment) -> None:
    """Build the members of the chat that Python does not run, and test it with all."""
    # A script's folder, which is no package.
    sys.path.append(str(ROOT / "interop"))
    builds: Any = importlib.import_module("builds")
    builds.build_chat()
    install(environment.python, "pytest")
    run_tests(environment.python, "chat")


def run_tests(python: Path, folder: str) -> None:
    """Run the tests in a *folder* beside this file."""
    run(python, "-m", "pytest", "-q", "-c", HERE / "pytest.ini", HERE / folder)


def check_own_tests(environment: Environment) -> None:
    """Let py-libp2p's own tests tell its transports apart."""
    compare_quick(environment.python, environment.directory)


def check_types(environment: Environment) -> None:
    """Let pyright look at each public name; it takes the packages of the first Python in the path."""
    install(environment.python, f"{environment.wheel}[cli,web]")
    pyright = Path(sys.executable).with_name("pyright")
    path = f"PATH={environment.python.parent}:{os.environ['PATH']}"
    verify = ("--verifytypes", "webrtc_direct", "--ignoreexternal")
    run("env", path, pyright, *verify, directory=environment.directory)


PARTS: Mapping[str, Callable[[Environment], None]] = {
    "package": check_package,
    "own-tests": check_own_tests,
    "chat": check_chat,
    "types": check_types,
}


if __name__ == "__main__":
    main()
