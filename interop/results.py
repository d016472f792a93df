"""All that one run of the matrix found: the cells, smoldot, and the clients that go wrong."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry import PROGRAMS, smoldot_release
from summary import summarize

if TYPE_CHECKING:
    from bad_clients import BadClient
    from cell import Cell
    from smoldot import SmoldotRun
    from summary import Summary

SMOLDOT = "smoldot (Chromium)"
BETWEEN_OTHERS = "cells between others"


@dataclass
class Results:
    """What is planned first, and has come of it in the end."""

    work: str
    machine: str
    cells: list[Cell] = field(default_factory=list)
    smoldots: list[SmoldotRun] = field(default_factory=list)
    bad: list[BadClient] = field(default_factory=list)
    seconds: float = 0.0
    recorded_releases: dict[str, str] = field(default_factory=dict)
    """Those of a run of the past; what is installed now may be another one."""

    def peers(self) -> list[str]:
        """Return the names of the programs in the cells."""
        names = {name for cell in self.cells for name in (cell.dialer, cell.listener)}
        return sorted(names, key=list(PROGRAMS).index)

    def releases(self) -> dict[str, str]:
        """Return what exactly was run, by the names that people read."""
        if self.recorded_releases:
            return self.recorded_releases
        found = {PROGRAMS[name].peer.name: PROGRAMS[name].release() for name in self.peers()}
        return {**found, SMOLDOT: smoldot_release()} if self.smoldots else found

    def summaries(self) -> list[Summary]:
        """Return the cells in numbers."""
        return [summarize(cell, self.cells) for cell in self.cells]

    def failures(self) -> int:
        """Return how many of all are not as expected; what others do among themselves does not count."""
        return sum(
            bool(problems)
            for name, found in self._problems().items()
            for problems in found
            if name != BETWEEN_OTHERS
        )

    def verdict(self) -> str:
        """Return it in words."""
        return ", ".join(
            f"{sum(not problems for problems in found)} of {len(found)} {name}"
            for name, found in self._problems().items()
            if found
        ) + " are as expected"  # fmt: skip

    def lines(self) -> list[str]:
        """Return smoldot and the bad clients as lines on a terminal."""
        lines = [
            f"smoldot, {each.seconds:g} s: {'; '.join(each.problems)}"
            for each in self.smoldots
            if each.problems
        ]
        lines += [f"{each.name}: {'; '.join(each.problems) or 'ok'} ({each.said})" for each in self.bad]
        if self.smoldots:
            lines.append(f"smoldot: {self.smoldot_words()}")
        return lines

    def smoldot_words(self) -> str:
        """Return what its runs did together."""
        seen = [each.result or {} for each in self.smoldots]

        def count(name: str) -> int:
            return sum(bool(result.get(name)) for result in seen)

        connects = [sample for result in seen for sample in result.get("connect_ms") or ()]
        pings = [len(result.get("ping_ms") or ()) for result in seen]
        return (
            f"{len(seen)} runs, {count('connected')} connected"
            + (f" (median {statistics.median(connects):.0f} ms)" if connects else "")
            + f", {count('handshake_finished')} finished Noise, {count('agent')} identified us, "
            f"{sum(pings)} pings answered (at most {max(pings)} in one run), "
            f"{count('gossip_open')} gossip links open, {count('panics')} panics"
        )

    def _problems(self) -> dict[str, list[list[str]]]:
        return {
            "cells": [each.problems for each in self.cells if each.is_ours],
            "runs of smoldot": [each.problems for each in self.smoldots],
            "bad clients": [each.problems for each in self.bad],
            BETWEEN_OTHERS: [each.problems for each in self.cells if not each.is_ours],
        }

    def document(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        return {
            "facts": {
                **self.releases(),
                "machine": self.machine,
                "work": self.work,
                "seconds": round(self.seconds, 1),
            },
            "cells": [summary.document() for summary in self.summaries()],
            "smoldot": [each.document() for each in self.smoldots],
            "bad_clients": [each.document() for each in self.bad],
        }
