"""What the streams of one connection share: the table of them, and the bounds on them, until the end.

Each bound is an object of its own, with what watches it; this tells them what happens. It knows nothing of
handlers, of protocols or of what a frame is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.bounds.process_budget import PROCESS_STREAMS, Share
from webrtc_direct.platform.closing import CloseKind, CloseReason
from webrtc_direct.streams.endings import Endings
from webrtc_direct.streams.held import Held
from webrtc_direct.streams.idle_watch import IdleWatch
from webrtc_direct.streams.overflow import Overflow
from webrtc_direct.streams.process_bound import ProcessBound
from webrtc_direct.streams.reset_rate import ResetRate
from webrtc_direct.streams.signs_of_life import SignsOfLife
from webrtc_direct.streams.stall_watch import StallWatch
from webrtc_direct.streams.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.platform.base import PeerConnection
    from webrtc_direct.runtime.outside_tasks import Starter
    from webrtc_direct.streams.held import HeldStream


class StreamTable:
    """The streams of one connection.

    *end* ends the connection, where a limit demands it. *over* is told of each stream that has ended.
    """

    __slots__ = (
        "_end",
        "_held",
        "_idle",
        "_over",
        "_overflow",
        "_process",
        "_refusals",
        "_resets",
        "_stall",
        "endings",
        "life",
        "limits",
        "reason",
        "share",
        "streams",
        "timers",
    )

    def __init__(
        self,
        starter: Starter,
        peer: PeerConnection,
        refusals: Refusals,
        *,
        end: Callable[[CloseReason], None],
        over: Callable[[HeldStream], None],
    ) -> None:
        limits = refusals.limits
        self.limits = limits
        self.reason: CloseReason | None = None
        """Why the connection ended, once it has."""
        self._refusals = refusals
        self._end = end
        self._over = over
        self.share: Share = Share(PROCESS_STREAMS)
        """How many streams there are, also of those that the peer has said nothing on."""
        self._held = held = Held()
        self.streams: set[HeldStream] = held.streams
        timers = Timers(starter)
        self.timers: Timers = timers
        self.endings: Endings = Endings(timers, refusals)
        self.life: SignsOfLife = SignsOfLife(peer, limits)
        self._process = ProcessBound(held, timers, peer, refusals)
        self._overflow = Overflow(held, timers, peer, refusals)
        self._stall = StallWatch(held, timers, peer, refusals)
        self._resets = ResetRate(timers, refusals, self._end_for)
        self._idle = IdleWatch(held, timers, refusals, self._end_for)

    def begin(self, stream: HeldStream) -> None:
        """Take *stream* into the table; whoever makes it has counted it."""
        self.streams.add(stream)

    def received(self, count: int) -> None:
        """Count *count* more unread bytes; less than 0 where a stream discards some."""
        held = self._held
        held.unread += count
        if self.reason is None:
            self._process.received(count)
            if held.unread > self._overflow.most:
                self._overflow.end_soon()
            self._stall.received(count)

    def read(self, stream: HeldStream, count: int) -> None:
        """Count *count* bytes of *stream* as read."""
        self._held.unread -= count
        if self.reason is None:
            self._process.read(count)
        self._stall.read(stream)

    def count(self, limit: str | None) -> None:
        """Count a refusal by the field *limit*, where an error names one."""
        self._refusals.count(limit)

    def reset_by_peer(self, stream: HeldStream) -> None:
        """The peer has reset *stream*."""
        if stream.opened_by_peer:
            self.count_reset()

    def count_reset(self) -> None:
        """The peer has reset a stream that it had opened; who does that too often has to go."""
        if self.reason is None:
            self._resets.count()

    def over(self, stream: HeldStream) -> None:
        """Forget *stream*, once its channel is closed and nothing of it is unread."""
        self.endings.over(stream)
        self._over(stream)
        if stream.unread_bytes == 0 and stream in self.streams:
            self.streams.remove(stream)
            self.share.add(-1)
            if stream.counts_as_use:
                self._idle.used()

    def end(self, reason: CloseReason) -> None:
        """Say to every stream that the connection ended."""
        self._process.end()
        self.reason = reason
        for stream in tuple(self.streams):
            stream.channel_closed()
        self.share.end()
        self.streams.clear()
        self.endings.end()
        self.life.end(reason)
        self.timers.end()

    def _end_for(self, limit: str, what: str) -> None:
        self._end(CloseReason(CloseKind.LIMIT, f"{what} (Limits.{limit})"))
