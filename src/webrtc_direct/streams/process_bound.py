"""What a connection adds to the unread bytes of the whole process: where those are too many, it waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

import anyio

from webrtc_direct.bounds.process_budget import PROCESS_BUDGET
from webrtc_direct.streams.stall_watch import reset_stalled

if TYPE_CHECKING:
    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.platform.base import PeerConnection
    from webrtc_direct.streams.held import Held, HeldStream
    from webrtc_direct.streams.timers import Timers

# Connections that the budget has stopped go on when so much of it is in use, and look so often.
_RESUME_AT = 0.75
_LOOK_SECONDS = 0.05


class ProcessBound:
    """``Limits.unread_bytes_process``, for one connection."""

    __slots__ = ("_held", "_paused", "_peer", "_refusals", "_timers")

    def __init__(self, held: Held, timers: Timers, peer: PeerConnection, refusals: Refusals) -> None:
        self._held = held
        self._timers = timers
        self._peer = peer
        self._refusals = refusals
        self._paused = False
        _held_by_this_thread().add(held)

    def received(self, count: int) -> None:
        """Count *count* more unread bytes; less than 0 where a stream discards some."""
        most = self._refusals.limits.unread_bytes_process
        if PROCESS_BUDGET.add(count) >= most and count > 0 and not self._paused:
            self._paused = True
            self._refusals.refuse("unread_bytes_process")
            self._peer.pause()
            self._timers.start(self._watch, name="budget")

    def read(self, count: int) -> None:
        """Count *count* bytes as read."""
        PROCESS_BUDGET.add(-count)

    def end(self) -> None:
        """What can still be read is the reader's own from now on."""
        PROCESS_BUDGET.add(-self._held.unread)
        _held_by_this_thread().discard(self._held)

    async def _watch(self) -> None:
        """Resume once others have read; what nobody reads is reset, of whichever connection it is."""
        limits, clock = self._refusals.limits, self._refusals.clock
        taken = _taken_of_this_thread()
        since = clock()
        while PROCESS_BUDGET.total > limits.unread_bytes_process * _RESUME_AT:
            await anyio.sleep(_LOOK_SECONDS)
            if clock() >= since + limits.stall_timeout:
                now = _taken_of_this_thread()
                stalled = [stream for stream, count in now.items() if taken.get(stream) == count]
                reset_stalled(stalled, self._refusals)
                taken, since = _taken_of_this_thread(), clock()
        self._paused = False
        self._peer.resume()


_LOCAL = threading.local()


def _held_by_this_thread() -> WeakSet[Held]:
    """Return what the connections of now hold. Another thread's streams cannot be touched from here."""
    if not hasattr(_LOCAL, "held"):
        _LOCAL.held = WeakSet()
    held: WeakSet[Held] = _LOCAL.held
    return held


def _taken_of_this_thread() -> dict[HeldStream, int]:
    """Return this thread's streams that hold unread bytes, and how much was ever read from each."""
    streams = (stream for held in _held_by_this_thread() for stream in held.streams)
    return {stream: stream.taken_bytes for stream in streams if stream.unread_bytes > 0}
