"""The numbers of cells: medians over their runs, beside those of go in our place."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from registry import reference
from slower import reason_for
from work import COMPARED, COUNTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cell import Cell

TRANSFERS = (*COMPARED, *COUNTED)
# What is set beside the reference, and whether less is better.
RATIOS = {
    "connect_ms": True,
    "redial_ms": True,
    "ping_ms": True,
    "upload": False,
    "download": False,
    "perf_upload": False,
    "perf_download": False,
}
# Of these, what the page shows, and gives a reason for where it is slower.
SHOWN = ("connect_ms", "redial_ms", "ping_ms", "perf_upload", "perf_download")


@dataclass(frozen=True)
class Summary:
    """A cell in numbers: medians, in milliseconds or MB/s; what was not measured is missing."""

    cell: Cell
    numbers: dict[str, float]
    """Of ``connect_ms`` (the first of each run), ``redial_ms``, ``identify_ms``, ``ping_ms``,
    ``idle_ping_ms`` and the transfers."""
    noticed_ms: dict[str, float]
    """How long after the closing the other end knew of it, by who closed."""
    ratios: dict[str, float]
    """How many times as good as go in our place; 2 is half the time or twice the speed."""
    reference: dict[str, float]
    """The numbers of that cell of go's, where it passed."""

    @property
    def slower(self) -> dict[str, str]:
        """The numbers that are worse than go's, and why."""
        return {
            name: reason_for(self.cell.dialer, self.cell.listener, name, ratio)
            for name, ratio in self.ratios.items()
            if name in SHOWN and ratio < 1 and self.cell.is_ours
        }

    def document(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        cell = self.cell
        return {
            "dialer": cell.dialer,
            "listener": cell.listener,
            "version": cell.version,
            "family": cell.family,
            "outcome": outcome(cell),
            "problems": cell.problems,
            "notes": cell.notes,
            "defects": [
                {"reason": defect.reason, "evidence": defect.evidence, "without": sorted(defect.without)}
                for defect in cell.defects
            ],
            "said": cell.said,
            "seconds": round(cell.seconds, 3),
            "medians": self.numbers,
            "noticed_ms": self.noticed_ms,
            "ratios": self.ratios,
            "slower": self.slower,
            "runs": [asdict(run) for run in cell.runs],
        }


def outcome(cell: Cell) -> str:
    """Return ``ok``, ``impossible`` (as is known) or ``failed``."""
    if cell.problems:
        return "failed"
    return "impossible" if cell.impossible else "ok"


def summarize(cell: Cell, cells: Sequence[Cell]) -> Summary:
    """Return the numbers of *cell*; *cells* holds its reference if that was run."""
    numbers = _numbers(cell)
    beside = _reference(cell, cells)
    against = {} if beside is None or outcome(beside) != "ok" else _numbers(beside)
    ratios = {
        name: round(against[name] / numbers[name] if less_is_better else numbers[name] / against[name], 3)
        for name, less_is_better in RATIOS.items()
        if numbers.get(name) and against.get(name)
    }
    noticed = {run.closer: run.noticed_ms for run in cell.runs if run.noticed_ms is not None and not run.idle}
    return Summary(cell, numbers, noticed, ratios, against)


def _reference(cell: Cell, cells: Sequence[Cell]) -> Cell | None:
    pair = reference(cell.dialer, cell.listener)
    for other in cells:
        if (other.dialer, other.listener) == pair and (other.version, other.family) == (
            cell.version,
            cell.family,
        ):
            return other
    return None


def _numbers(cell: Cell) -> dict[str, float]:
    samples: dict[str, list[float]] = {}
    for run in cell.runs:
        result = run.result or {}
        if run.idle:
            samples["idle_ping_ms"] = [result["idle_ping_ms"]] if result.get("idle_ping_ms") else []
            continue
        # A process connects faster once it has done so.
        first, *again = result.get("connect_ms") or (None,)
        samples.setdefault("connect_ms", []).extend(() if first is None else (first,))
        samples.setdefault("redial_ms", []).extend(again)
        for name in ("identify_ms", "ping_ms"):
            samples.setdefault(name, []).extend(result.get(name) or ())
        for name in TRANSFERS:
            if result.get(name):
                samples.setdefault(name, []).append(result[name]["mb_per_s"])
    return {name: round(statistics.median(values), 3) for name, values in samples.items() if values}
