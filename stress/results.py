"""What a part of the stress run found: rows of figures, and targets that were met or missed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True)
class Target:
    """Something that must hold, what was *measured*, and whether that *met* it."""

    text: str
    measured: str
    met: bool


@dataclass
class Part:
    """One part of the run, as a section of the report."""

    name: str
    title: str
    text: str
    """What was done, in Markdown."""
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    """The rows again, as numbers."""
    machine: dict[str, Any] = field(default_factory=dict)
    """What the numbers depend on: the machine, its load, and the versions of what ran."""

    def row(self, *cells: str, **figures: object) -> None:
        """Add a row, and show it at once: a run is long."""
        self.rows.append(cells)
        self.figures.append(figures)
        print(f"{self.name}:", " | ".join(cells), flush=True)

    def target(self, text: str, measured: str, *, met: bool) -> None:
        """Add a target."""
        self.targets.append(Target(text, measured, met))
        print(f"{self.name}: {'met' if met else 'MISSED'}: {text}: {measured}", flush=True)

    @property
    def met(self) -> bool:
        """Whether every target was met."""
        return all(target.met for target in self.targets)

    @classmethod
    def load(cls, document: dict[str, Any]) -> Self:
        """Return the part that ``document`` returned."""
        known = {each.name: document[each.name] for each in fields(cls)}
        known["targets"] = [Target(**target) for target in known["targets"]]
        return cls(**known)

    def document(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return asdict(self) | {"met": self.met}
