"""`make host-versions`: the smallest program with each newer Python that is installed here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.hosts.support import HELLO, PROGRAMS, ROOT, environment

NEWER = ("python3.12", "python3.13", "python3.14")
WAYS = ("asyncio.run", "asyncio.Runner, debug", "asyncio, eager tasks", "uvloop.run", "trio.run")
LOCK = Path(__file__).with_name("requirements.lock")


def main() -> int:
    """Return how many ways failed, or 1 if there is no such Python."""
    found = [path for name in NEWER if (path := shutil.which(name))]
    if not found:
        sys.stderr.write(f"none of {', '.join(NEWER)} is on the PATH\n")
        return 1
    return sum(failures(path) for path in found)


def failures(interpreter: str) -> int:
    """Return how many ways fail under this Python, in a new environment under build/."""
    folder = ROOT / "build" / "hosts" / Path(interpreter).name
    python = folder / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
    subprocess.run([*pip, "--require-hashes", "--no-deps", "--requirement", LOCK], check=True)
    failed = 0
    for way in WAYS:
        ended = subprocess.run(
            [python, "-X", "dev", PROGRAMS / "run_by.py", way],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        good = (ended.returncode, ended.stdout) == (0, HELLO)
        print(f"{folder.name}, {way}: {'passed' if good else ended.stdout + ended.stderr}")
        failed += not good
    return failed


if __name__ == "__main__":
    sys.exit(main())
