"""A connection that nobody uses: it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.streams.held import Held
    from webrtc_direct.streams.timers import Timers


class IdleWatch:
    """``Limits.idle_timeout``. *end* ends the connection for a limit, and what broke it."""

    __slots__ = ("_clock", "_end", "_held", "_last_use", "_seconds")

    def __init__(
        self, held: Held, timers: Timers, refusals: Refusals, end: Callable[[str, str], None]
    ) -> None:
        self._held = held
        self._clock = refusals.clock
        self._seconds = refusals.limits.idle_timeout
        self._end = end
        self._last_use = self._clock()
        if self._seconds is not None:
            timers.start(self._watch, name="idle watch")

    def used(self) -> None:
        """The connection was in use until now."""
        self._last_use = self._clock()

    async def _watch(self) -> None:
        while self._seconds is not None:
            await anyio.sleep_until(self._last_use + self._seconds)
            if any(stream.counts_as_use for stream in self._held.streams):
                self.used()
            elif self._last_use + self._seconds <= self._clock():
                self._end("idle_timeout", f"no stream was open for {self._seconds:g} s")
                return
