"""docs/interop.md, made from the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import own_tests
from page_cells import defects, name_of, numbers, slower, table
from registry import OURS, PROGRAMS
from results import SMOLDOT
from summary import outcome
from work import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bad_clients import BadClient
    from results import Results
    from summary import Summary

_INTRODUCTION = """\
# Interoperability

This page shows how released libp2p implementations and webrtc-direct (*python*) work with each other. Each
runs in its own process, on loopback. `make interop` runs the tests and writes this page from the results;
`interop/README.md` describes what a cell does.
"""
_HEADER = ("peer", "release", "dials us, v1", "v2", "we dial it, v1", "v2")
_NUMBERS = """\
Each cell runs three times: in the first run the connection idles, in the second the dialer closes it, in
the third the listener does. Numbers are medians of the last two runs. *Connect* is the first dial of a fresh
process, from the start of the dial to the end of Noise; *re-dial* is every dial after it. Throughput is
measured with `/perf/1.0.0`; a MB is 10^6 bytes. Next to each number is the result of the same cell with
go-libp2p in our place, measured just before, and the ratio: x2 means half the time or twice the speed, and
a ratio below x1 means that go-libp2p is faster.
"""
_SLOWER = """\
Every number below x1, with the reason. The format is: cell, our number, go-libp2p's number, ratio.
"""
_WITHOUT_US = """\
These cells are only for comparison. Their failures are reported but do not fail the run.
"""
_SMOLDOT = """\
The light client dials v1 from a page in Chromium. Its peer is `examples/smoldot_peer.py`. One run lasts for
several of its ping intervals of 20 s; each of the others ends when smoldot has done everything once.
"""
_BAD = """\
A page dials an address that has the wrong certhash or peer id, or a port where nothing listens; or the tab
is closed, or the browser killed, during a download. The page shows its library's own message. The listener
must notice within 30 s, and must then hold no connection, no handshake and no stream.
"""


def markdown(results: Results) -> str:
    """Return the page."""
    summaries = results.summaries()
    ours = [each for each in summaries if each.cell.is_ours]
    others = [each for each in summaries if each not in ours]
    failed = [_failure(name, problems) for name, problems in _failures(results, ours)]
    failed_without_us = [_failure(name_of(each), each.cell.problems) for each in others if each.cell.problems]
    notes = [f"- {name_of(each)}: {note}" for each in summaries for note in each.cell.notes]
    took = f"{results.seconds / 60:.0f} minutes"
    sections = (
        ("", [_INTRODUCTION, results.verdict().capitalize() + ".", "", *overview(results)]),
        ("What failed", failed),
        ("Numbers", [_NUMBERS, *numbers(ours)]),
        ("Where ours is slower", [_SLOWER, *slower(ours)]),
        ("The same with go-libp2p in our place", numbers(others)),
        ("What failed without us", [_WITHOUT_US, *failed_without_us] if failed_without_us else []),
        ("smoldot", [_SMOLDOT, results.smoldot_words() + "."] if results.smoldots else []),
        ("Clients that go wrong", [_BAD, *_bad_clients(results.bad)] if results.bad else []),
        ("What peers cannot do", defects(summaries)),
        ("py-libp2p's own tests", own_tests.section()),
        ("Notes", notes),
        ("The run", [f"- {text}" for text in (results.machine, f"each cell: {results.work}", took)]),
    )
    lines: list[str] = []
    for title, content in sections:
        if content:
            lines += [*(("", f"## {title}", "") if title else ()), *content]
    return "\n".join(lines) + "\n"


def overview(results: Results) -> list[str]:
    """Return the table of who works with us; the README has it too."""
    rows = []
    summaries = results.summaries()
    releases = results.releases()
    for name in results.peers():
        label = PROGRAMS[name].peer.name
        dials = [_verdict(summaries, name, OURS, version) for version in ("v1", "v2")]
        listens = [_verdict(summaries, OURS, name, version) for version in ("v1", "v2")]
        rows.append((label, releases[label], *dials, *listens))
    if results.smoldots:
        verdict = "**failed**" if any(each.problems for each in results.smoldots) else "yes"
        rows.append((SMOLDOT, releases[SMOLDOT], verdict, "-", "-", "-"))
    return table(_HEADER, rows)


def _verdict(summaries: Iterable[Summary], dialer: str, listener: str, version: str) -> str:
    cells = [
        each.cell
        for each in summaries
        if (each.cell.dialer, each.cell.listener, each.cell.version) == (dialer, listener, version)
    ]
    if not cells:
        return "-"
    if any(cell.problems for cell in cells):
        return "**failed**"
    if outcome(cells[0]) == "impossible":
        return "not possible: " + "; ".join(
            defect.reason for defect in cells[0].defects if not defect.without
        )
    return verdict(step for cell in cells for defect in cell.defects for step in defect.without)


def _failures(results: Results, summaries: Iterable[Summary]) -> Iterable[tuple[str, list[str]]]:
    yield from ((name_of(each), each.cell.problems) for each in summaries if each.cell.problems)
    yield from (("smoldot", each.problems) for each in results.smoldots if each.problems)
    yield from ((each.name, each.problems) for each in results.bad if each.problems)


def _failure(name: str, problems: Iterable[str]) -> str:
    return f"- **{name}**: {'; '.join(problems)}"


def _bad_clients(found: Iterable[BadClient]) -> list[str]:
    columns = (
        "page",
        "what",
        "message of the page or the listener",
        "after ms",
        "freed after another ms",
        "result",
    )
    rows = [
        (
            f"{each.page} ({each.browser.capitalize()}) {each.version}",
            each.kind,
            each.words,
            str(each.after_ms),
            str((each.result or {}).get("freed_after_ms", "-")),
            "**failed**" if each.problems else "ok",
        )
        for each in found
    ]
    return table(columns, rows)
