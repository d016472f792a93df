"""Streams that wait for the peer to confirm their end, or to end what it sends: each waits so long only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from webrtc_direct.streams.stream_state import Event

if TYPE_CHECKING:
    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.streams.held import HeldStream
    from webrtc_direct.streams.timers import Timers


class Endings:
    """``Limits.fin_ack_timeout``."""

    __slots__ = ("_deadlines", "_refusals", "_timers", "_waiting")

    def __init__(self, timers: Timers, refusals: Refusals) -> None:
        self._timers = timers
        self._refusals = refusals
        # All are equally far away when they are set, so the first one is the first one due.
        self._deadlines: dict[tuple[HeldStream, Event], float] = {}
        self._waiting = False

    def expect(self, stream: HeldStream, timeout: Event) -> None:
        """Let *timeout* happen to *stream* in ``fin_ack_timeout`` seconds, unless it is confirmed."""
        due = self._refusals.clock() + self._refusals.limits.fin_ack_timeout
        self._deadlines.setdefault((stream, timeout), due)
        if not self._waiting:
            self._waiting = True
            self._timers.start(self._expire, name="stream ends")

    def confirmed(self, stream: HeldStream) -> None:
        """The peer has confirmed the end of what *stream* sent."""
        self._deadlines.pop((stream, Event.FIN_ACK_TIMEOUT), None)

    def unconfirmed(self) -> list[HeldStream]:
        """Return the streams that still wait for that confirmation."""
        return [stream for stream, timeout in self._deadlines if timeout is Event.FIN_ACK_TIMEOUT]

    def over(self, stream: HeldStream) -> None:
        """Expect nothing of *stream* any more."""
        for timeout in (Event.FIN_ACK_TIMEOUT, Event.FIN_TIMEOUT):
            self._deadlines.pop((stream, timeout), None)

    def end(self) -> None:
        """Expect nothing any more."""
        self._deadlines.clear()

    async def _expire(self) -> None:
        while self._deadlines:
            key, deadline = next(iter(self._deadlines.items()))
            await anyio.sleep_until(deadline)
            if self._deadlines.pop(key, None) is not None:
                stream, timeout = key
                stream.apply(timeout)
        self._waiting = False
