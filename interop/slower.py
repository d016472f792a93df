"""Why a number of a cell of ours is worse than the same with go in our place."""

from __future__ import annotations

from dataclasses import dataclass, field

# Two equal cells of one run differ by less.
ALIKE_FROM = 0.9
ALIKE = "no more than the difference between two equal cells of one run"
UNKNOWN = "the reason is not known"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why some numbers of some cells are worse. What is empty stands for any."""

    reason: str
    dialers: frozenset[str] = field(default_factory=frozenset)
    listeners: frozenset[str] = field(default_factory=frozenset)
    numbers: frozenset[str] = field(default_factory=frozenset)
    """Names in ``summary.RATIOS``."""


REASONS: tuple[Reason, ...] = (
    Reason(
        reason="the first dial of a Python process also loads the modules that dialing needs, which takes"
        " most of this time. Later dials do not pay for it",
        dialers=frozenset({"python"}),
        numbers=frozenset({"connect_ms"}),
    ),
    Reason(
        reason="each number is the median of one or two first dials of a page in Firefox, and these differ by"
        " this much from run to run. In other rows the same page connects to us faster than to go",
        dialers=frozenset({"bare-firefox", "js-firefox", "python-firefox"}),
        numbers=frozenset({"connect_ms"}),
    ),
    Reason(
        reason="of about 6.5 ms, our engine's handshake takes 3 and Noise, in which go speaks first, takes 2."
        " Python needs 0.7 for the address and a fresh certificate (go's dialer keeps one for all dials) and"
        " about 0.8 to pass from the engine's thread to the event loop and back",
        dialers=frozenset({"python"}),
        listeners=frozenset({"go"}),
        numbers=frozenset({"redial_ms"}),
    ),
    Reason(
        reason="at our end each ping passes from the engine's thread to Python's event loop, and the answer"
        " passes back. go has no such step",
        numbers=frozenset({"ping_ms"}),
    ),
)


def reason_for(dialer: str, listener: str, number: str, ratio: float) -> str:
    """Return why *number* of a cell is worse than go's, by *ratio*, which is below 1."""
    for each in REASONS:
        wanted = ((dialer, each.dialers), (listener, each.listeners), (number, each.numbers))
        if all(not names or name in names for name, names in wanted):
            return each.reason
    return ALIKE if ratio >= ALIKE_FROM else UNKNOWN
