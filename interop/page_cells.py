"""The cells on docs/interop.md: their numbers, what is slower, and what peers cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import PROGRAMS
from slower import SLOWER
from summary import outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from summary import Summary

_COLUMNS = (
    "dialer", "listener", "version", "IP", "connect ms", "go's", "", "re-dial ms", "go's", "", "ping ms",
    "up MB/s", "go's", "", "down MB/s", "go's", "", "end noticed after ms (by listener / dialer)", "result",
)  # fmt: skip
_DIALS = (("connect_ms", ".2f"), ("redial_ms", ".2f"))
_TRANSFERS = (("perf_upload", ".0f"), ("perf_download", ".0f"))
_WORDS = {"redial_ms": "re-dial", "perf_upload": "up", "perf_download": "down"}


def numbers(summaries: Sequence[Summary]) -> list[str]:
    """Return a table with a row for each cell; none without cells."""
    return table(_COLUMNS, [_row(each) for each in summaries]) if summaries else []


def slower(summaries: Iterable[Summary]) -> list[str]:
    """Return each number that is worse than go's, with the reason."""
    rows = [
        (name_of(each), _WORDS[name], f"x{each.ratios[name]:.2f}", reason)
        for each in summaries
        for name, reason in each.slower.items()
    ]
    return table(("cell", "number", "", "why"), rows) if rows else [f"Nowhere: no number is below x{SLOWER}."]


def defects(summaries: Sequence[Summary]) -> list[str]:
    """Return each known defect once, with the cells that it touches and what those said in this run."""
    lines = []
    known = {defect: None for summary in summaries for defect in summary.cell.defects}
    for defect in known:
        touched = [summary for summary in summaries if defect in summary.cell.defects]
        cells = ", ".join(dict.fromkeys(name_of(summary) for summary in touched))
        left = f" The cell is run without {', '.join(sorted(defect.without))}." if defect.without else ""
        lines.append(f"- {defect.reason}. {defect.evidence}.{left} Cells: {cells}.")
        if not defect.without:
            said = dict.fromkeys(text for summary in touched for text in summary.cell.said)
            lines += [f"  - `{text.replace('`', chr(39))}`" for text in said]
    return lines or ["Nothing is known."]


def name_of(summary: Summary) -> str:
    """Return who dials whom, and how."""
    cell = summary.cell
    dialer, listener = (PROGRAMS[name].peer.name for name in (cell.dialer, cell.listener))
    return f"{dialer} → {listener} {cell.version} {cell.family}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]


def _row(summary: Summary) -> tuple[str, ...]:
    cell = summary.cell
    dials, transfers = (
        [text for name, form in group for text in _beside(summary, name, form)]
        for group in (_DIALS, _TRANSFERS)
    )
    noticed = " / ".join(_number(summary.noticed_ms.get(closer), ".0f") for closer in ("dialer", "listener"))
    names = (PROGRAMS[cell.dialer].peer.name, PROGRAMS[cell.listener].peer.name, cell.version, cell.family)
    return (
        *names, *dials, _number(summary.numbers.get("ping_ms"), ".2f"), *transfers, noticed, _result(summary),
    )  # fmt: skip


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


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
