"""A measurement's numbers: samples per run, their medians, and ratios to the reference column.

Nothing here knows what was measured or how it is shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Better = Literal["higher", "lower", "neither"]


@dataclass
class Row:
    """One quantity: a sample for each column and run."""

    name: str
    unit: str
    better: Better
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, column: str, value: float) -> None:
        """Add the *value* of one run."""
        self.samples.setdefault(column, []).append(value)

    def median(self, column: str) -> float | None:
        """Return the median of the runs, or None where nothing was measured."""
        samples = self.samples.get(column)
        return median(samples) if samples else None

    def ratio(self, column: str, reference: str) -> float | None:
        """Return how many times as good *column* is as *reference*: above 1 is better, whatever the unit."""
        here, there = self.median(column), self.median(reference)
        if self.better == "neither" or here is None or there is None or min(here, there) <= 0:
            return None
        return here / there if self.better == "higher" else there / here


@dataclass
class Table:
    """The rows of one measurement. The first of the *columns* is the reference."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: dict[str, Row] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, row: str, unit: str, better: Better, *, column: str, value: float) -> None:
        """Add the *value* of one run to a row, which is made when it is not there yet."""
        self.rows.setdefault(row, Row(row, unit, better)).add(column, value)

    def document(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        reference = self.columns[0]
        return {
            "name": self.name,
            "title": self.title,
            "reference": reference,
            "rows": [
                {
                    "name": row.name,
                    "unit": row.unit,
                    "better": row.better,
                    "samples": row.samples,
                    "median": {column: row.median(column) for column in self.columns},
                    "ratio": {column: row.ratio(column, reference) for column in self.columns[1:]},
                }
                for row in self.rows.values()
            ],
            "notes": self.notes,
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of *values*."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
