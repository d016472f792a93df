"""Installs the lowest and the highest versions that pyproject.toml allows, and passes tests with each.

Run as ``python -m tests.faults.bounds_check [--wheel WHEEL]``. The lowest are the bounds themselves, the
highest are what pip takes today.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

from tests.faults.installing import ROOT, build, install, make_environment, run

EXTRAS = ("cli", "web", "dnsaddr", "trio")
# The versions of these that the lock file names do, whatever the package's own dependencies are.
TOOLS = ("pytest", "pytest-timeout", "hypothesis", "protobuf")
TESTS = (
    "tests/unit/test_certificate.py",
    "tests/unit/test_identity.py",
    "tests/unit/test_noise.py",
    "tests/integration_memory/test_connecting.py",
    "tests/integration_memory/test_names.py",
    "tests/integration_memory/test_streams.py",
    "tests/integration/test_native.py",
    "tests/cli/test_extras.py",
    "tests/cli/test_terminal.py::test_colours_and_progress_are_for_terminals",
    "tests/web/test_server.py",
)


def lowest() -> list[str]:
    """Return each dependency, pinned to its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pins = []
    for requirement in project["dependencies"] + [line for extra in EXTRAS for line in extras[extra]]:
        bound = re.match(r"([\w-]+)>=([\d.]+)", requirement)
        if bound is None:
            raise SystemExit(f"pyproject.toml: {requirement} has no lower bound")
        pins.append("==".join(bound.groups()))
    return pins


def check(wheel: Path, home: Path, pins: list[str]) -> None:
    """Install *wheel* with *pins* and pass the tests against it."""
    python = make_environment(home)
    install(python, f"{wheel}[{','.join(EXTRAS)}]", *pins, *locked(*TOOLS))
    listed = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True)
    names = {re.split("[=<>;]", line)[0].strip() for line in lowest()}
    versions = [line for line in listed.stdout.split() if line.partition("==")[0] in names]
    # An old version may warn of what a newer Python or a newer trio has.
    run(
        python, "-m", "pytest", "--quiet", "--no-header", "-p", "no:cacheprovider",
        "-p", "tests.faults.anyio_mode", "-W", "default", "--timeout", "60", *TESTS,
    )  # fmt: skip
    print(f"{home.name}: passes with {', '.join(versions)}", flush=True)


def locked(*names: str) -> list[str]:
    """Return the pins of *names* in the lock file."""
    lock = (ROOT / "requirements-dev.lock").read_text()
    return [
        f"{name}=={version}" for name, version in re.findall(r"^(\S+)==(\S+)", lock, re.M) if name in names
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wheel", type=Path, help="this wheel, in place of one that is built")
    wheel: Path | None = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        wheel = wheel.resolve() if wheel else build(directory)
        check(wheel, directory / "lowest", lowest())
        check(wheel, directory / "highest", [])


if __name__ == "__main__":
    main()
