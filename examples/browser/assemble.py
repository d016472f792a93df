"""Puts the page together in ``build/browser-demo``, for ``webrtc-direct listen --web-page``.

It consists of the files beside this one, what it shares with the built-in page, the npm package of Pyodide
and the wheels that Python in the page loads. npm and pip fetch what is not there yet; the page itself loads
nothing from elsewhere.
"""

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "browser-demo"
OWN = ("index.html", "python.css", "main.js", "view.js", "code.js", "program.py")
BUILT_IN = ROOT / "src" / "webrtc_direct" / "web" / "page"
SHARED = (
    "style.css",
    "icon.svg",
    *(f"panels/{name}.js" for name in ("connections", "elements", "meter", "plot", "timeline", "words")),
)
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip")

# What fetches npm's packages and makes the wheels, for the tests in browsers as well.
sys.path.append(str(ROOT / "interop"))
builds: Any = importlib.import_module("builds")


def assemble(folder: Path) -> None:
    """Make *folder* anew, from files that are all there."""
    shutil.rmtree(folder, ignore_errors=True)
    copy(HERE, OWN, folder)
    copy(BUILT_IN, SHARED, folder / "shared")
    copy(builds.PYODIDE, RUNTIME, folder / "pyodide")
    copy(builds.WHEELS, [path.name for path in builds.WHEELS.iterdir()], folder / "wheels")


def copy(source: Path, names: tuple[str, ...] | list[str], target: Path) -> None:
    """Copy files of *source* straight into *target*."""
    target.mkdir(parents=True)
    for name in names:
        shutil.copy(source / name, target)


def main() -> None:
    """Fetch what is missing, and assemble the page."""
    builds.build_pyodide()
    assemble(FOLDER)


if __name__ == "__main__":
    main()
