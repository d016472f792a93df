"""Builds the peers' programs where their sources are newer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
GO_SOURCES = HERE / "go"
GO_PROGRAM = GO_SOURCES / "bin" / "webrtc-direct-interop"
JS_SOURCES = HERE / "js"
JS_BUNDLE = JS_SOURCES / "dist" / "browser.js"
BROWSER_SOURCES = HERE / "browser"
NODE = BROWSER_SOURCES / "node_modules" / ".bin" / "node"
PYODIDE = BROWSER_SOURCES / "node_modules" / "pyodide"
WHEELS = ROOT / "build" / "browser"
RUST_SOURCES = HERE / "rust-libp2p"
LITEP2P_SOURCES = HERE / "litep2p"
PY_LIBP2P = ROOT / "build" / "py-libp2p"
PY_LIBP2P_PYTHON = PY_LIBP2P / "bin" / "python"
_CARGO_PROGRAM = Path("target", "release", "webrtc-direct-interop")
RUST_PROGRAM = RUST_SOURCES / _CARGO_PROGRAM
LITEP2P_PROGRAM = LITEP2P_SOURCES / _CARGO_PROGRAM
CHAT_GO_SOURCES = ROOT / "examples" / "libp2p_chat" / "go"
CHAT_GO_PROGRAM = CHAT_GO_SOURCES / "bin" / "chat"
CHAT_PAGE_SOURCES = ROOT / "examples" / "libp2p_chat" / "page"
CHAT_PAGE_BUNDLE = CHAT_PAGE_SOURCES / "dist" / "chat.js"


def build_go() -> None:
    """Build the Go program unless it is newer than all its sources.

    Raises:
        SystemExit: there is no Go toolchain, or the program does not build. So do the others.
    """
    _build_go(GO_PROGRAM, GO_SOURCES)


def build_js() -> None:
    """Install what js-libp2p needs, and make the bundle for browsers."""
    _bundle(JS_BUNDLE, JS_SOURCES)


def build_browser() -> None:
    """Install what drives browsers, and make the bundle that a page of js-libp2p loads."""
    build_js()
    _install(BROWSER_SOURCES)


def build_python_page() -> None:
    """Install Pyodide, and make the wheels that a page of Python loads."""
    build_browser()
    make_wheels()


def build_pyodide() -> None:
    """Install Pyodide, and make the wheels, for a page that needs nothing else."""
    _install(BROWSER_SOURCES)
    make_wheels()


def make_wheels() -> None:
    """Make the package's wheel for pages, and fetch those that it needs unless they are there."""
    command = [sys.executable, "packaging/browser_wheel.py", str(WHEELS), "--with-needed"]
    if subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode != 0:
        raise SystemExit("error: the wheels for a page cannot be made")


def build_py_libp2p() -> None:
    """Make the environment that has py-libp2p and this package; it wants another protobuf than our tools."""
    sources = [
        *ROOT.glob("src/**/*.py"),
        *ROOT.glob("rust/*/src/**/*.rs"),
        ROOT / "pyproject.toml",
        ROOT / "tests" / "beside" / "environment.py",
    ]
    if _is_older(PY_LIBP2P / "made", sources):
        command = [sys.executable, "-m", "tests.beside.environment", str(PY_LIBP2P)]
        _run(command, folder=ROOT, name=PY_LIBP2P.relative_to(ROOT))


def build_chat() -> None:
    """Build the go node and the page of the chat of the examples, and install what drives browsers."""
    _build_go(CHAT_GO_PROGRAM, CHAT_GO_SOURCES)
    _bundle(CHAT_PAGE_BUNDLE, CHAT_PAGE_SOURCES)
    _install(BROWSER_SOURCES)


def build_rust() -> None:
    """Build the program with rust-libp2p; from nothing it takes minutes."""
    _build_cargo(RUST_PROGRAM, [*RUST_SOURCES.glob("src/*.rs"), RUST_SOURCES / "Cargo.lock"], RUST_SOURCES)


def build_litep2p() -> None:
    """Build the program with litep2p, which has some sources of the other; it needs ``protoc``."""
    sources = [
        *LITEP2P_SOURCES.glob("src/*.rs"),
        *RUST_SOURCES.glob("src/*.rs"),
        LITEP2P_SOURCES / "Cargo.lock",
    ]
    _build_cargo(LITEP2P_PROGRAM, sources, LITEP2P_SOURCES)


def _build_go(program: Path, folder: Path) -> None:
    if _is_older(program, [*folder.glob("*.go"), folder / "go.mod", folder / "go.sum"]):
        _run(["go", "build", "-trimpath", "-o", str(program), "."], folder=folder)


def _bundle(bundle: Path, folder: Path) -> None:
    _install(folder)
    if _is_older(bundle, [*folder.glob("*.js"), folder / "package-lock.json"]):
        _run(["npm", "run", "--silent", "build"], folder=folder)


def _build_cargo(program: Path, sources: Iterable[Path], folder: Path) -> None:
    if _is_older(program, sources):
        _run(["cargo", "build", "--release", "--locked", "--quiet"], folder=folder)


def _install(folder: Path) -> None:
    """Install the locked packages; npm leaves a file of its own in node_modules when it is done."""
    if _is_older(folder / "node_modules" / ".package-lock.json", [folder / "package-lock.json"]):
        _run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], folder=folder)


def _is_older(made: Path, sources: Iterable[Path]) -> bool:
    return not made.exists() or made.stat().st_mtime < max(path.stat().st_mtime for path in sources)


def _run(command: list[str], *, folder: Path, name: Path | None = None) -> None:
    name = name or folder.relative_to(ROOT)
    if shutil.which(command[0]) is None:
        raise SystemExit(
            f"error: {command[0]!r} is needed to build {name}, and there is no {command[0]!r} in PATH"
        )
    print(f"building {name} ...", file=sys.stderr, flush=True)
    if subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False).returncode != 0:
        raise SystemExit(f"error: {name} does not build")


def do_nothing() -> None:
    """Stand for the build of a program that needs none."""
