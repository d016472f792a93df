"""Clients that go wrong: pages with an address that lies, tabs and browsers that vanish in a transfer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peers import GRACE_SECONDS, PeerFailure, run_program
from registry import DRIVER, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers import Event

# Of the page; the listener has as long again to notice, and as long to free everything.
TIMEOUT_SECONDS = 30.0
_MOST_MS = 1000 * TIMEOUT_SECONDS

VANISHING = ("tab-closed", "browser-killed")
# A part of what a page shows, by its library and what is wrong with the address. js-libp2p tells of a
# server that it does not like, or that is not there, only that its own limit of 6 s is over.
SHOWN = {
    "bare": {"wrong-certhash": "certificate", "wrong-peer-id": "in place of", "dead-port": "nobody answers"},
    "python": {
        "wrong-certhash": "FingerprintMismatch",
        "wrong-peer-id": "PeerIdMismatch",
        "dead-port": "HandshakeTimeout",
    },
    "js": {"wrong-certhash": "timed out", "wrong-peer-id": "does not match", "dead-port": "timed out"},
}
KINDS = (*SHOWN["bare"], *VANISHING)
PAGES = (
    ("bare", "chromium", "v1"),
    ("bare", "chromium", "v2"),
    ("js", "chromium", "v1"),
    ("python", "chromium", "v2"),
    ("bare", "firefox", "v2"),
    ("js", "firefox", "v1"),
)
QUICK_PAGES = (("bare", "chromium", "v2"), ("js", "chromium", "v1"))


@dataclass
class BadClient:
    """One page in one browser, against a listener of its own, and what came of it."""

    page: str
    browser: str
    version: str
    kind: str
    result: Event | None = None
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Start the browser and the listener, go wrong, and judge what both said."""
        options = ["--peer", self.page, "--browser", self.browser, "--version", self.version]
        command = [*DRIVER, "bad", self.kind, *options, f"--timeout={3 * TIMEOUT_SECONDS:g}"]
        try:
            self.result = run_program(
                "the browser",
                [*command, "--", *PYTHON.command, "listen"],
                timeout=3 * TIMEOUT_SECONDS + GRACE_SECONDS,
            )
        except PeerFailure as failure:
            self.problems.append(str(failure))
        else:
            self.problems += problems_of(self.result, self.page, self.kind)

    @property
    def name(self) -> str:
        """Who does what."""
        return f"{self.page} ({self.browser.capitalize()}) {self.version}: {self.kind}"

    @property
    def words(self) -> str:
        """What the page showed, or why the connection ended, as the listener says."""
        result = self.result or {}
        return str(result.get("detail" if self.kind in VANISHING else "shown", "-"))

    @property
    def after_ms(self) -> int | None:
        """How long it took until somebody said so."""
        return (self.result or {}).get("disconnected_after_ms" if self.kind in VANISHING else "after_ms")

    @property
    def said(self) -> str:
        """What was said, and after how long."""
        freed = (self.result or {}).get("freed_after_ms")
        return f"{self.words} after {self.after_ms} ms, freed {freed} ms later"

    def document(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        return {"name": self.name, "result": self.result, "problems": self.problems}


def bad_clients(pages: tuple[tuple[str, str, str], ...]) -> list[BadClient]:
    """Return every kind for each of *pages*."""
    return [BadClient(*page, kind) for page in pages for kind in KINDS]


def problems_of(result: Event, page: str, kind: str) -> Iterator[str]:
    """Yield what is wrong with what the two programs said."""
    if kind in VANISHING:
        if not result.get("reason") or not result.get("detail"):
            yield "the listener gave no reason"
        after = result.get("disconnected_after_ms")
        if after is None or after > _MOST_MS:
            yield f"the listener noticed after {after} ms"
    else:
        if SHOWN[page][kind] not in str(result.get("shown")):
            yield f"the page showed {result.get('shown')!r}"
        after = result.get("after_ms")
        if after is None or after > _MOST_MS:
            yield f"the page showed it after {after} ms"
    if not result.get("counts") or any(result["counts"].values()):
        yield f"the listener still holds {result.get('counts')}"
