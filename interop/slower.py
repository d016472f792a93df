"""Why a cell of ours is slower than the same with go in our place."""

from __future__ import annotations

from dataclasses import dataclass, field

# Two equal cells of one run differ by less.
SLOWER = 0.9
UNKNOWN = "no reason is known"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why some numbers of some cells are worse. What is empty stands for any."""

    reason: str
    dialers: frozenset[str] = field(default_factory=frozenset)
    listeners: frozenset[str] = field(default_factory=frozenset)
    numbers: frozenset[str] = field(default_factory=frozenset)
    """Names in ``summary.JUDGED``."""


REASONS: tuple[Reason, ...] = ()


def reason_for(dialer: str, listener: str, number: str) -> str:
    """Return why *number* of a cell is worse than go's."""
    for each in REASONS:
        wanted = ((dialer, each.dialers), (listener, each.listeners), (number, each.numbers))
        if all(not names or name in names for name, names in wanted):
            return each.reason
    return UNKNOWN
