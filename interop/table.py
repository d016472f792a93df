"""The cells as lines on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from summary import outcome

if TYPE_CHECKING:
    from summary import Summary

_COLUMNS = "{:<24} {:<8} {:<3} {:<4} {:>15} {:>15} {:>7} {:>7} {:>7} {:>11} {:>11} {:>9} {:>13} {:>7}  {}"
HEADER = _COLUMNS.format(
    "dialer", "listener", "ver", "IP", "connect ms", "re-dial ms", "ping ms", "up MB/s", "down", "perf up",
    "perf down", "echo MB/s", "noticed ms", "seconds", "result",
)  # fmt: skip


def row(summary: Summary) -> str:
    """Return one line; a number in brackets is how many times as good it is as go's in our place."""
    cell = summary.cell
    return _COLUMNS.format(
        cell.dialer,
        cell.listener,
        cell.version,
        cell.family,
        _beside(summary, "connect_ms", ".2f"),
        _beside(summary, "redial_ms", ".2f"),
        _number(summary.numbers.get("ping_ms"), ".2f"),
        _number(summary.numbers.get("upload"), ".0f"),
        _number(summary.numbers.get("download"), ".0f"),
        _beside(summary, "perf_upload", ".0f"),
        _beside(summary, "perf_download", ".0f"),
        _number(summary.numbers.get("echo"), ".0f"),
        _noticed(summary),
        f"{cell.seconds:.1f}",
        _words(summary),
    )


def _words(summary: Summary) -> str:
    cell = summary.cell
    words = [*cell.problems, *cell.notes]
    if not cell.problems:
        words = [outcome(cell), *words, *(_known(defect.without, defect.reason) for defect in cell.defects)]
    return "; ".join(words)


def _known(without: frozenset[str], reason: str) -> str:
    return f"without {', '.join(sorted(without))}: {reason}" if without else reason


def _beside(summary: Summary, name: str, form: str) -> str:
    text = _number(summary.numbers.get(name), form)
    return f"{text} (x{summary.ratios[name]:.2f})" if name in summary.ratios else text


def _noticed(summary: Summary) -> str:
    """Return when the listener and when the dialer noticed."""
    return " / ".join(_number(summary.noticed_ms.get(closer), ".0f") for closer in ("dialer", "listener"))


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
