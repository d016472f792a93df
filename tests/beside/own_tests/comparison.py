"""What py-libp2p's own tests say of our transport, next to TCP: where they differ, and what explains it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


ALL = "tests/core/"
"""Where the folders are."""


class Over(Enum):
    """What the hosts in the tests have as their transport."""

    TCP = "TCP"
    WEBRTC = "WebRTC-Direct"


@dataclass
class Outcomes:
    """How the tests of one folder ended over one transport."""

    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    in_use: set[str] = field(default_factory=set)
    """Those that passed and used our transport."""

    def add_lines(self, lines: Iterable[str]) -> None:
        """Take what the plugin has written. Whatever passes once has passed."""
        for line in lines:
            result: dict[str, Any] = json.loads(line)
            test = result["test"]
            if result["outcome"] == "passed":
                self.passed.add(test)
                self.failed.discard(test)
                if result["in_use"]:
                    self.in_use.add(test)
            elif result["outcome"] == "failed" and test not in self.passed:
                self.failed.add(test)


@dataclass(frozen=True)
class Cause:
    """Why a test that passes over TCP fails over our transport."""

    why: str
    sometimes: bool = False
    """Whether it passes now and then."""


@dataclass(frozen=True)
class Folder:
    """A folder of tests, over both."""

    name: str
    tcp: Outcomes
    webrtc: Outcomes
    files: tuple[str, ...] = ()
    """Those that run, where not all do."""

    @property
    def differences(self) -> list[str]:
        """The tests that passed over TCP and not over our transport, those that never ended among them."""
        return sorted((self.tcp.passed & self.webrtc.failed) | self.missing)

    @property
    def missing(self) -> set[str]:
        """The tests that passed over TCP and did not end over our transport."""
        ended = self.webrtc.passed | self.webrtc.failed
        return self.tcp.passed - ended


def read_causes(text: str) -> dict[str, Cause]:
    """Return the known causes by the test."""
    return {test: Cause(**cause) for test, cause in json.loads(text).items()}


def problems(folders: Iterable[Folder], causes: Mapping[str, Cause]) -> list[str]:
    """Return what is wrong: failures without a cause, and causes without a failure."""
    found: list[str] = []
    differing: set[str] = set()
    passed: set[str] = set()
    names: list[str] = []
    for folder in folders:
        if not folder.tcp.passed:
            found.append(f"{folder.name}: no test passed over TCP")
        names.append(folder.name)
        differing.update(folder.differences)
        passed |= folder.webrtc.passed
    found += [f"{test} fails over our transport alone" for test in sorted(differing - set(causes))]
    for test, cause in causes.items():
        if not any(test.startswith(name) for name in names):
            continue
        if test not in differing and not (cause.sometimes and test in passed):
            found.append(f"{test} has a cause in causes.json and does not fail")
    return found


def counts(folders: Iterable[Folder], release: str) -> str:
    """Return the document with the numbers, which docs/interop.md shows."""
    numbers = [
        {
            "tests": folder.name.removeprefix(ALL),
            "tcp": len(folder.tcp.passed),
            "webrtc_direct": len(folder.webrtc.passed),
            "with_connections": len(folder.webrtc.in_use),
        }
        for folder in folders
    ]
    return json.dumps({"release": release, "counts": numbers}, indent=1) + "\n"


def page(folders: Iterable[Folder], causes: Mapping[str, Cause], release: str) -> str:
    """Return the page with the differences."""
    parts = []
    for folder in folders:
        if folder.files:
            names = ", ".join(f"`{file.removesuffix('.py')}`" for file in folder.files)
            parts.append(f"All of {_short(folder.name)} would take too long. These files run: {names}.\n")
    explained = ["| test | cause |", "|---|---|", *(cause_row(*each) for each in sorted(causes.items()))]
    return _PAGE.format(release=release, parts="\n".join(parts), differences="\n".join(explained))


def cause_row(test: str, cause: Cause) -> str:
    """Return the row of the page that explains *test*."""
    return _row(_short(test), f"{cause.why} It fails now and then." if cause.sometimes else cause.why)


def _short(name: str) -> str:
    return f"`{name.removeprefix(ALL)}`"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


_PAGE = """\
# py-libp2p's own tests

This page lists those of py-libp2p's own tests that pass with TCP, and fail when the only transport of its
hosts is [`WebRtcDirect`](howto/py-libp2p.md). [Interoperability](interop.md) has the numbers.
`make interop-py` takes the tests from `tests/core` in the source of {release}, runs them, and writes both.

A test that fails is run a second time. {parts}
## Differences

`make interop-py` fails if another test differs, or if a cause is out of date.

{differences}
"""
