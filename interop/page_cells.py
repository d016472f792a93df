"""The cells on docs/interop.md: their numbers, what is slower, and what peers cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import PROGRAMS
from summary import outcome
from work import STEP_WORDS, STEPS, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from summary import Summary

_COLUMNS = (
    "dialer", "listener", "version", "IP", "connect ms", "go's", "", "re-dial ms", "go's", "",
    "ping ms", "go's", "", "up MB/s", "go's", "", "down MB/s", "go's", "",
    "close noticed after ms (by listener / dialer)", "result",
)  # fmt: skip
_FORMS = {
    "connect_ms": ".2f",
    "redial_ms": ".2f",
    "ping_ms": ".2f",
    "perf_upload": ".0f",
    "perf_download": ".0f",
}
_WORDS = {
    "connect_ms": "First connection, ms",
    "redial_ms": "Re-dial, ms",
    "ping_ms": "Ping, ms",
    "perf_upload": "Upload, MB/s",
    "perf_download": "Download, MB/s",
}


def numbers(summaries: Sequence[Summary]) -> list[str]:
    """Return a table with a row for each cell; none without cells."""
    return table(_COLUMNS, [_row(each) for each in summaries]) if summaries else []


def slower(summaries: Sequence[Summary]) -> list[str]:
    """Return each number that is worse than go's, grouped by number and reason."""
    lines = []
    for name, words in _WORDS.items():
        reasons = dict.fromkeys(each.slower[name] for each in summaries if name in each.slower)
        for reason in reasons:
            cells = ", ".join(_slower(each, name) for each in summaries if each.slower.get(name) == reason)
            lines.append(f"- **{words}**: {reason}. {cells}.")
    return lines or ["Nowhere: no number is below x1."]


def _slower(summary: Summary, name: str) -> str:
    ours, theirs, ratio = _beside(summary, name)
    return f"{name_of(summary)} {ours} beside {theirs} ({ratio})"


def defects(summaries: Sequence[Summary]) -> list[str]:
    """Return each known defect once, with the cells that it touches and what those said in this run."""
    lines = []
    known = {defect: None for summary in summaries for defect in summary.cell.defects}
    for defect in known:
        touched = [summary for summary in summaries if defect in summary.cell.defects]
        cells = ", ".join(dict.fromkeys(name_of(summary) for summary in touched))
        left = ", ".join(STEP_WORDS[step] for step in STEPS if step in defect.without)
        left = f" These cells leave out: {left}." if left else ""
        lines.append(f"- **{defect.reason}.** {defect.evidence}.{left} Cells: {cells}.")
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
    shown = [text for name in _FORMS for text in _beside(summary, name)]
    noticed = " / ".join(_number(summary.noticed_ms.get(closer), ".0f") for closer in ("dialer", "listener"))
    names = (PROGRAMS[cell.dialer].peer.name, PROGRAMS[cell.listener].peer.name, cell.version, cell.family)
    return (*names, *shown, noticed, _result(summary))


def _result(summary: Summary) -> str:
    cell = summary.cell
    if cell.problems:
        return "**failed**: " + "; ".join(cell.problems)
    if (found := outcome(cell)) != "ok":
        return found
    return verdict(step for defect in cell.defects for step in defect.without).replace("yes", "ok", 1)


def _beside(summary: Summary, name: str) -> tuple[str, str, str]:
    form = _FORMS[name]
    ratio = summary.ratios.get(name)
    return (
        _number(summary.numbers.get(name), form),
        _number(summary.reference.get(name), form),
        "-" if ratio is None else f"x{ratio:.2f}",
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
