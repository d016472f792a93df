"""What was measured, kept in a file: what is not measured again stays as it was.

Nothing here knows how it was measured or how it is shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# The runs of a cell, a row or a plot, by its name.
Samples = dict[str, list[dict[str, Any]]]


@dataclass
class Results:
    """Samples of each part, saved after each."""

    file: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Samples] = field(default_factory=dict)
    _fresh: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def read(cls, file: Path) -> Results:
        """Return those in *file*, or none if there is no such file."""
        if not file.exists():
            return cls(file)
        document = json.loads(file.read_text(encoding="utf-8"))
        return cls(file, document["machine"], document["parts"])

    def add(self, part: str, name: str, sample: dict[str, Any]) -> None:
        """Add one run; the first one replaces those of former measurements."""
        if (part, name) not in self._fresh:
            self._fresh.add((part, name))
            self.parts.setdefault(part, {})[name] = []
        self.parts[part][name].append(sample)
        self.save()

    def samples(self, part: str, name: str) -> list[dict[str, Any]]:
        """Return the runs so called."""
        return self.parts.get(part, {}).get(name, [])

    def save(self) -> None:
        """Write the file, if there is one."""
        if self.file is not None:
            document = {"machine": self.facts, "parts": self.parts}
            self.file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Rate:
    """The median of a cell, in MB/s; a bound from above where most runs were not done in time."""

    value: float
    done: bool
    runs: int

    @classmethod
    def of(cls, samples: list[dict[str, Any]]) -> Rate | None:
        """Return that of *samples*; one that was not done counts as slower than all that were."""
        ordered = sorted((sample["done"], sample["rate"]) for sample in samples if "rate" in sample)
        if not ordered:
            return None
        done, value = ordered[(len(ordered) - 1) // 2]
        return cls(value, done, len(ordered))

    def __str__(self) -> str:
        shown = f"{self.value:.1f}" if self.value >= 3 else f"{self.value:.2f}"
        if not self.done:
            return f"<{shown}"
        return shown if self.runs > 1 else f"{shown}¹"


def cell_name(path: str, pair: str, way: str) -> str:
    """Return the name of a cell of the table."""
    return f"{path} {pair} {way}"
