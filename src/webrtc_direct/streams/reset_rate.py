"""How often a peer may reset streams that it has opened: who does so too often has to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.bounds.refusals import Rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.streams.timers import Timers


class ResetRate:
    """``Limits.resets_per_second``. *end* ends the connection for a limit, and what broke it."""

    __slots__ = ("_end", "_rate", "_refusals", "_timers")

    def __init__(self, timers: Timers, refusals: Refusals, end: Callable[[str, str], None]) -> None:
        self._timers = timers
        self._refusals = refusals
        self._end = end
        limits = refusals.limits
        # Whoever gives up may reset at once all that it had open.
        self._rate = Rate(limits.resets_per_second, refusals.clock, burst=limits.max_channels)

    def count(self) -> None:
        """The peer has reset a stream that it had opened."""
        if not self._rate.allows():
            # Later: where a whole connection ends, its streams hear of it first.
            self._timers.start(self._exceeded, name="limit")

    async def _exceeded(self) -> None:
        self._refusals.refuse("resets_per_second")
        self._end("resets_per_second", "the peer opened and reset streams too fast")
