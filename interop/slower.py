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


REASONS: tuple[Reason, ...] = (
    Reason(
        reason="of some 6.5 ms our engine's handshake takes 3, and Noise, where go speaks first, 2. Python"
        " takes 0.7 for the address and a fresh certificate (go's dialer keeps one for all dials), and some"
        " 0.8 to pass from the engine's thread to the event loop and back",
        dialers=frozenset({"python"}),
        listeners=frozenset({"go"}),
        numbers=frozenset({"redial_ms"}),
    ),
)


def reason_for(dialer: str, listener: str, number: str) -> str:
    """Return why *number* of a cell is worse than go's."""
    for each in REASONS:
        wanted = ((dialer, each.dialers), (listener, each.listeners), (number, each.numbers))
        if all(not names or name in names for name, names in wanted):
            return each.reason
    return UNKNOWN
