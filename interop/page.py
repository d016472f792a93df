"""docs/interop.md, made from the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import OURS, PROGRAMS
from summary import outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from summary import Summary

_INTRODUCTION = """\
# Interoperability

`interop/run.py --write` puts released libp2p implementations and webrtc-direct (*python*) against each
other, each in a process of its own, on loopback, and writes this page from what it measured.
`interop/README.md` tells what a cell does. A cell runs twice: the dialer closes the connection, then
the listener. One that is impossible runs once.

Numbers are medians. Connect runs from the start of the dial to the end of Noise. MB are 10^6 bytes.
Beside a number stands that of the same cell with go-libp2p in our place, from the same run, and how many
times as good ours is: x2 is half the time or twice the speed.
"""
_COLUMNS = (
    "dialer", "listener", "version", "IP", "connect ms", "go's", "", "ping ms", "up MB/s", "go's", "",
    "down MB/s", "go's", "", "end noticed after ms (by listener / dialer)", "result",
)  # fmt: skip
_COMPARED = (("connect_ms", ".2f"), ("perf_upload", ".0f"), ("perf_download", ".0f"))


def markdown(facts: Mapping[str, object], summaries: Sequence[Summary]) -> str:
    """Return the page."""
    ours = [summary for summary in summaries if OURS in (summary.cell.dialer, summary.cell.listener)]
    others = [summary for summary in summaries if summary not in ours]
    lines = [_INTRODUCTION, *(f"- {name}: {value}" for name, value in facts.items())]
    lines += ["", "## webrtc-direct and its peers", "", *_table(_COLUMNS, [_row(each) for each in ours])]
    lines += ["", "## The same with go-libp2p in our place", ""]
    lines += _table(_COLUMNS, [_row(each) for each in others])
    lines += ["", "## What peers cannot do", "", *_defects(summaries)]
    notes = [f"- {_name(each)}: {note}" for each in summaries for note in each.cell.notes]
    if notes:
        lines += ["", "## Notes", "", *notes]
    return "\n".join(lines) + "\n"


def _row(summary: Summary) -> tuple[str, ...]:
    cell = summary.cell
    connect, up, down = (_beside(summary, name, form) for name, form in _COMPARED)
    noticed = " / ".join(_number(summary.noticed_ms.get(closer), ".0f") for closer in ("dialer", "listener"))
    names = (PROGRAMS[cell.dialer].peer.name, PROGRAMS[cell.listener].peer.name, cell.version, cell.family)
    ping = _number(summary.numbers.get("ping_ms"), ".2f")
    return (*names, *connect, ping, *up, *down, noticed, _result(summary))


def _result(summary: Summary) -> str:
    cell = summary.cell
    if cell.problems:
        return "**failed**: " + "; ".join(cell.problems)
    without = sorted({step for defect in cell.defects for step in defect.without})
    return outcome(cell) + (f", without {', '.join(without)}" if without else "")


def _beside(summary: Summary, name: str, form: str) -> tuple[str, str, str]:
    ratio = summary.ratios.get(name)
    return (
        _number(summary.numbers.get(name), form),
        _number(summary.reference.get(name), form),
        "-" if ratio is None else f"x{ratio:.2f}",
    )


def _defects(summaries: Sequence[Summary]) -> list[str]:
    """Return each known defect once, with the cells that it touches and what those said in this run."""
    lines = []
    known = {defect: None for summary in summaries for defect in summary.cell.defects}
    for defect in known:
        touched = [summary for summary in summaries if defect in summary.cell.defects]
        cells = ", ".join(dict.fromkeys(_name(summary) for summary in touched))
        left = f" The cell is run without {', '.join(sorted(defect.without))}." if defect.without else ""
        lines.append(f"- {defect.reason}. {defect.evidence}.{left} Cells: {cells}.")
        if not defect.without:
            said = dict.fromkeys(text for summary in touched for text in summary.cell.said)
            lines += [f"  - `{text.replace('`', chr(39))}`" for text in said]
    return lines or ["Nothing is known."]


def _name(summary: Summary) -> str:
    cell = summary.cell
    dialer, listener = (PROGRAMS[name].peer.name for name in (cell.dialer, cell.listener))
    return f"{dialer} → {listener} {cell.version} {cell.family}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
