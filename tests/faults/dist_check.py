"""Builds a wheel and an sdist, installs each into a fresh environment, and lets each dial and listen.

Where there is the wheel for web pages, too, pip must take the one with the engine.

Run as ``python -m tests.faults.dist_check [--requirement LOCK]``. The sdist is built by ``pip``
from its own files alone, with the versions of its Cargo.lock.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.faults.installing import build, install, make_environment, run

# What an sdist must hold to be built as it was tested, and what has no place in it.
NEEDED = [
    "PKG-INFO",
    "pyproject.toml",
    "rust/Cargo.lock",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "src/webrtc_direct/py.typed",
    "src/webrtc_direct/web/page/index.html",
    "src/webrtc_direct/web/page/vendor/noble-ciphers/LICENSE",
]
UNWANTED = ("/target/", "/__pycache__/", "/.venv/", ".so")

PROGRAM = """
import sys
import anyio
import webrtc_direct
from webrtc_direct import _native, echo_handler, ping
from webrtc_direct.web.files import load_files

async def main():
    handlers = {"/echo/1.0.0": echo_handler}
    async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers=handlers) as listener:
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            await ping(connection)
            async with connection.open_stream("/echo/1.0.0") as stream:
                await stream.write(b"installed")
                assert await stream.read_exactly(9) == b"installed"

load_files()
assert webrtc_direct.__file__.startswith(sys.prefix), webrtc_direct.__file__
assert _native.BUILD_PROFILE == "release", _native.BUILD_PROFILE
anyio.run(main)
"""


def check_contents(sdist: Path) -> None:
    """Fail where the sdist lacks something or holds too much."""
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    within = {name.partition("/")[2] for name in names}
    missing = [name for name in NEEDED if name not in within]
    unwanted = [name for name in names if any(part in name for part in UNWANTED)]
    if missing or unwanted:
        raise SystemExit(f"{sdist.name}: missing {missing}, unwanted {unwanted}")


def check(package: Path, directory: Path, requirement: Path | None) -> None:
    """Install *package* into a fresh environment and use it."""
    python = make_environment(directory / package.name.replace(".", "-"))
    if requirement is not None:
        install(python, "--requirement", requirement)
    install(python, f"{package}[cli,web]")
    run(python, "-W", "error", "-c", PROGRAM, directory=directory)
    run(python.with_name("webrtc-direct"), "--version", directory=directory)
    print(f"{package.name}: installs, dials and listens", flush=True)


def check_choice(wheel: Path, directory: Path) -> None:
    """Fail where pip does not prefer *wheel* to the one for web pages."""
    offered, chosen = directory / "offered", directory / "chosen"
    run(sys.executable, "packaging/browser_wheel.py", offered)
    shutil.copy(wheel, offered)
    run(
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download",
        "--no-index", "--no-deps", "--find-links", offered, "--dest", chosen, "webrtc-direct",
    )  # fmt: skip
    names = [path.name for path in chosen.iterdir()]
    if names != [wheel.name]:
        raise SystemExit(f"of {sorted(path.name for path in offered.iterdir())} pip took {names}")
    print(f"{wheel.name}: pip prefers it to the wheel for web pages", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requirement", type=Path, help="a lock file for the packages that it needs")
    requirement: Path | None = parser.parse_args().requirement
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        # The sdist's own locked build is what pip does with it below.
        wheel = build(directory, "--sdist")
        (sdist,) = directory.glob("*.tar.gz")
        check_contents(sdist)
        check_choice(wheel, directory)
        for package in (wheel, sdist):
            check(package, directory, requirement and requirement.resolve())


if __name__ == "__main__":
    main()
