"""Makes the wheel for Python in a web page: the package without its engine and what serves a terminal.

Run as ``python packaging/browser_wheel.py FOLDER``. With ``--with-needed`` the wheels that it needs there are
fetched, too, and ``index.json`` names all, for a page that needs no other host. Metadata is what maturin
makes of pyproject.toml, whose markers leave out what a browser does not need; pip prefers the wheel with the
engine wherever there is one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "webrtc_direct"
NEEDED = ROOT / "packaging" / "browser-requirements.lock"
INDEX = "index.json"
# Of the Pyodide that interop/browser/package.json names.
PYTHON_VERSION = "3.14"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "_native*", "cli", "web")


def main() -> None:
    """Write the wheel, and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--with-needed", action="store_true", help="the wheels that it needs, and index.json")
    options = parser.parse_args()
    folder: Path = options.folder
    if options.with_needed:
        fetch(folder, NEEDED)
    folder.mkdir(parents=True, exist_ok=True)
    make_wheel(folder)
    if options.with_needed:
        write_index(folder)


def fetch(folder: Path, *locks: Path) -> None:
    """Fetch the locked wheels, all Python alone, unless the folder is newer. It has no other wheels then."""
    index = folder / INDEX
    if index.exists() and index.stat().st_mtime >= max(lock.stat().st_mtime for lock in locks):
        return
    for wheel in folder.glob("*.whl"):
        wheel.unlink()
    anywhere = ("--platform", "any", "--implementation", "py", "--python-version", PYTHON_VERSION)
    run(
        "-m", "pip", "--disable-pip-version-check", "--quiet", "download",
        "--require-hashes", "--no-deps", "--only-binary=:all:", *anywhere,
        *(f"--requirement={lock}" for lock in locks), "--dest", str(folder),
    )  # fmt: skip
    write_index(folder)


def write_index(folder: Path) -> None:
    """Name the folder's wheels in a file, for a page cannot look into a folder."""
    names = sorted(wheel.name for wheel in folder.glob("*.whl"))
    (folder / INDEX).write_text(json.dumps(names), encoding="utf-8")


def make_wheel(folder: Path) -> None:
    """Write the package's own wheel."""
    with tempfile.TemporaryDirectory() as temporary:
        contents = Path(temporary)
        shutil.copytree(PACKAGE, contents / PACKAGE.name, ignore=LEFT_OUT)
        write_metadata(contents)
        run("-m", "wheel", "pack", str(contents), "--dest-dir", str(folder))


def write_metadata(contents: Path) -> None:
    """Put the .dist-info beside the package, as that of a wheel that is Python alone."""
    directory = ["--metadata-directory", str(contents)]
    run("-m", "maturin", "pep517", "write-dist-info", *directory, "--interpreter", sys.executable)
    (info,) = contents.glob("*.dist-info")
    # The command line is left out.
    (info / "entry_points.txt").unlink()
    (info / "WHEEL").write_text(
        "Wheel-Version: 1.0\nGenerator: browser_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )


def run(*arguments: str) -> None:
    """Run a module of this Python; its output is shown where it fails."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise SystemExit(done.stdout)


if __name__ == "__main__":
    main()
