"""A connection that stands still because nobody reads a stream of it: that stream is reset."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.platform.base import PeerConnection
    from webrtc_direct.streams.held import Held, HeldStream
    from webrtc_direct.streams.timers import Timers

logger: logging.Logger = logging.getLogger("webrtc_direct.stream")

# A connection that may stand still is looked at so often in ``stall_timeout``.
_LOOKS = 20


class StallWatch:
    """``Limits.unread_bytes`` stops a connection; this starts it again after ``Limits.stall_timeout``."""

    __slots__ = ("_arrived", "_held", "_peer", "_read_meanwhile", "_refusals", "_timers")

    def __init__(self, held: Held, timers: Timers, peer: PeerConnection, refusals: Refusals) -> None:
        self._held = held
        self._timers = timers
        self._peer = peer
        self._refusals = refusals
        # Whether anything came since it was last seen to go on.
        self._arrived = False
        # While it is watched: what was read since then.
        self._read_meanwhile: set[HeldStream] | None = None

    def received(self, count: int) -> None:
        """Look at the connection after *count* more bytes are unread."""
        if count > 0:
            self._arrived = True
        if self._read_meanwhile is None and self._may_stand_still():
            read: set[HeldStream] = set()
            self._read_meanwhile = read
            self._timers.start(partial(self._watch, read), name="stall watch")

    def read(self, stream: HeldStream) -> None:
        """Somebody has read from *stream*."""
        if self._read_meanwhile is not None:
            self._read_meanwhile.add(stream)

    async def _watch(self, read_meanwhile: set[HeldStream]) -> None:
        """Reset what holds up the connection, each time it has stood still for ``stall_timeout``."""
        limits, clock = self._refusals.limits, self._refusals.clock
        since = clock()
        while self._may_stand_still():
            # It may be stopped at less than the limit: what was dealt with at once counts no more.
            stopped = self._peer.is_stalled() or self._held.unread >= limits.unread_bytes
            goes_on = self._arrived or not stopped
            has_to_go = not goes_on and clock() >= since + limits.stall_timeout
            if has_to_go:
                unread = [each for each in self._held.streams - read_meanwhile if each.unread_bytes > 0]
                reset_stalled(unread, self._refusals)
            if goes_on or has_to_go:
                since, self._arrived = clock(), False
                read_meanwhile.clear()
            await anyio.sleep(limits.stall_timeout / _LOOKS)
        self._read_meanwhile = None

    def _may_stand_still(self) -> bool:
        # A platform that has stopped goes on when half of it is read.
        return self._held.unread > self._refusals.limits.unread_bytes // 2


def reset_stalled(stalled: list[HeldStream], refusals: Refusals) -> None:
    """Reset those of *stalled* that hold too much, or else the one that holds most."""
    bound = refusals.limits.unread_bytes_per_stream
    chosen = [stream for stream in stalled if stream.unread_bytes > bound]
    if stalled and not chosen:
        chosen = [max(stalled, key=lambda stream: stream.unread_bytes)]
    for stream in chosen:
        logger.debug("%r held up others with %d unread bytes", stream, stream.unread_bytes)
        refusals.refuse("stall_timeout")
        stream.reset("nobody read the stream, and it held up its connection")
