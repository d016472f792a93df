"""The programs that transfer, and the pairs of them that the table has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peers import Peer
from registry import PROGRAMS

from benchmarks.paths import quinn, relay

if TYPE_CHECKING:
    from collections.abc import Iterable

# Why go-libp2p may dial again, ``interop/registry.py`` tells.
DIALS = 3
LABELS = {
    "python": "ours",
    "go": "go",
    "js": "Node",
    "js-chromium": "Chromium",
    "js-firefox": "Firefox",
    "quinn-cubic": "quinn CUBIC",
    "quinn-bbr": "quinn BBR",
}
REFERENCE = "quinn-bbr"
_PAGES_AND_NODE = {"js", "js-chromium", "js-firefox"}


@dataclass(frozen=True)
class Pair:
    """A dialer and a listener, each in a process of its own, by their names in ``LABELS``."""

    dialer: str
    listener: str

    @classmethod
    def named(cls, text: str) -> Pair:
        """Return the pair that the command line calls ``dialer:listener``."""
        dialer, _, listener = text.partition(":")
        return cls(dialer, listener or dialer)

    @property
    def name(self) -> str:
        """The name on the command line."""
        return self.dialer if self.dialer in quinn.PEERS else f"{self.dialer}:{self.listener}"

    @property
    def label(self) -> str:
        """The name for a reader."""
        if self.dialer in quinn.PEERS:
            return LABELS[self.dialer]
        return f"{LABELS[self.dialer]}→{LABELS[self.listener]}"


PAIRS = tuple(
    map(
        Pair.named,
        (
            "python:python",
            "quinn-bbr",
            "quinn-cubic",
            "go:go",
            "python:go",
            "go:python",
            "js:python",
            "js:go",
            "python:js",
            "js-chromium:python",
            "js-chromium:go",
            "js-firefox:python",
            "js-firefox:go",
        ),
    )
)


def peer(name: str) -> Peer:
    """Return the program called *name*."""
    return quinn.PEERS[name] if name in quinn.PEERS else PROGRAMS[name].peer


def releases(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return what exactly is run in the *pairs*, beside ours and go-libp2p."""
    names = {name for pair in pairs for name in (pair.dialer, pair.listener)}
    found = {LABELS[name]: PROGRAMS[name].release() for name in LABELS if name in names & _PAGES_AND_NODE}
    return found | ({"quinn": quinn.release()} if names & set(quinn.PEERS) else {})


def build(pairs: Iterable[Pair]) -> None:
    """Build the relay and what the *pairs* need.

    Raises:
        SystemExit: something does not build.
    """
    relay.build()
    names = dict.fromkeys(name for pair in pairs for name in (pair.dialer, pair.listener))
    builds = [quinn.build if name in quinn.PEERS else PROGRAMS[name].build for name in names]
    for each in dict.fromkeys(builds):
        each()
