"""Building this package and installing it into fresh environments, for the checks beside this file."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, directory: Path = ROOT) -> None:
    """Run a command, away from this repository's own packages."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    subprocess.run([str(part) for part in command], cwd=directory, env=environment, check=True)


def build(directory: Path, *options: str) -> Path:
    """Return a wheel; *options* are maturin's."""
    maturin = Path(sys.executable).with_name("maturin")
    run(maturin, "build", "--quiet", "--release", "--locked", *options, "--out", directory)
    (wheel,) = directory.glob("*.whl")
    return wheel


def make_environment(home: Path) -> Path:
    """Return the Python of a fresh environment at *home*."""
    venv.create(home, with_pip=True)
    return home / "bin" / "python"


def install(python: Path, *packages: str | Path) -> None:
    """Install *packages*; pip must find versions that suit all of them."""
    run(python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *packages)
