"""What the streams of one connection share: the table of them, the unread total, their timers, the end.

It knows nothing of handlers, of protocols or of what a frame is.
"""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING, Protocol, TypeVar
from weakref import WeakSet

import anyio

from webrtc_direct.bounds.process_budget import PROCESS_BUDGET, PROCESS_STREAMS, Share
from webrtc_direct.bounds.refusals import Rate
from webrtc_direct.platform.closing import CloseKind, CloseReason, ConnectionLost
from webrtc_direct.streams.stream_state import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.platform.base import PeerConnection
    from webrtc_direct.runtime.outside_tasks import Starter

logger: logging.Logger = logging.getLogger("webrtc_direct.stream")

_Argument = TypeVar("_Argument")

# Connections that the process's budget has stopped go on when so much of it is in use, and look so often.
_RESUME_AT = 0.75
_PROCESS_SECONDS = 0.05
# A connection that may stand still is looked at so often in ``stall_timeout``.
_STALL_LOOKS = 20
# Whoever waits for a sign of life looks so often, and so much longer than the bound on silence.
_HEARD_SECONDS = 0.05
_VERDICT_SECONDS = 1.0


class HeldStream(Protocol):
    """What the table has to know of a stream."""

    opened_by_peer: bool
    counts_as_use: bool
    """Whether the connection is not idle while this stream is open."""
    taken_bytes: int
    """How many bytes were ever read."""

    @property
    def unread_bytes(self) -> int:
        """How many received bytes are waiting to be read."""

    def apply(self, event: Event) -> None:
        """Let *event* happen, with all that follows from it."""

    def channel_closed(self) -> None:
        """The connection ended."""

    def reset(self, problem: str) -> None:
        """Abort the stream, for that reason."""

    async def wait_acknowledged(self) -> bool:
        """Say whether the peer has confirmed every byte, once that is known."""


class StreamTable:
    """The streams of one connection. Its timers are tasks of *starter*, and run only while one is due.

    *end* ends the connection, where a limit demands it. *over* is told of each stream that has ended.
    """

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
        self.streams: set[HeldStream] = set()
        self.share = Share(PROCESS_STREAMS)
        """How many streams there are, also of those that the peer has said nothing on."""
        self.reason: CloseReason | None = None
        """Why the connection ended, once it has."""
        self._starter = starter
        self._unread = 0
        # While it is watched: whether anything came, and what was read, since it was last seen to go on.
        self._arrived = False
        self._read_meanwhile: set[HeldStream] = set()
        self._watching = False
        # All are equally far away when they are set, so the first one is the first one due.
        self._deadlines: dict[tuple[HeldStream, Event], float] = {}
        self._expiring = False
        self._timers: set[anyio.CancelScope] = set()
        self._background: set[anyio.CancelScope] = set()
        self._peer = peer
        self._refusals = refusals
        self._clock = refusals.clock
        self._end = end
        self._over = over
        self._paused = False
        self._overflowing = False
        self._max_unread = math.inf if peer.can_slow_peer else limits.unread_bytes_in_browser
        self._reset_rate = Rate(limits.resets_per_second, refusals.clock)
        self._last_use = self._clock()
        _tables_of_this_thread().add(self)
        if limits.idle_timeout is not None:
            starter.start_soon(self._run_timer, self._watch_idle, name="webrtc_direct idle watch")

    def begin(self, stream: HeldStream) -> None:
        """Take *stream* into the table; whoever makes it has counted it."""
        self.streams.add(stream)

    # Bounds on memory.

    def received(self, count: int) -> None:
        """Count *count* more unread bytes; less than 0 where a stream discards some."""
        self._unread += count
        if self.reason is not None:
            return
        if PROCESS_BUDGET.add(count) >= self.limits.unread_bytes_process and count > 0:
            self._pause()
        if self._unread > self._max_unread and not self._overflowing:
            # Later: this stream is in the middle of counting.
            self._overflowing = True
            self.start_timer(self._overflow, name="webrtc_direct unread bytes")
        self._arrived |= count > 0
        if not self._watching and self._may_stand_still():
            self._watching = True
            self.start_timer(self._watch_stall, name="webrtc_direct stall watch")

    def read(self, stream: HeldStream, count: int) -> None:
        """Count *count* bytes of *stream* as read."""
        self._unread -= count
        if self.reason is None:
            PROCESS_BUDGET.add(-count)
        if self._watching:
            self._read_meanwhile.add(stream)

    async def _overflow(self) -> None:
        """Reset what holds most, where the peer cannot be slowed down."""
        self._overflowing = False
        holding = sorted(self.streams, key=lambda stream: stream.unread_bytes)
        while self._unread > self._max_unread and holding:
            self._refusals.refuse("unread_bytes_in_browser")
            holding.pop().reset("it was not read as fast as the peer sent, which a browser cannot slow down")

    async def _watch_stall(self) -> None:
        """Reset what holds up the connection, each time it has stood still for ``stall_timeout``."""
        timeout = self.limits.stall_timeout
        since = self._clock()
        while self._may_stand_still():
            # It may be stopped at less than the limit: what was dealt with at once counts no more.
            stopped = self._peer.is_stalled() or self._unread >= self.limits.unread_bytes
            goes_on = self._arrived or not stopped
            has_to_go = not goes_on and self._clock() >= since + timeout
            if has_to_go:
                self._reset_stalled()
            if goes_on or has_to_go:
                since, self._arrived = self._clock(), False
                self._read_meanwhile.clear()
            await anyio.sleep(timeout / _STALL_LOOKS)
        self._watching = False

    def _may_stand_still(self) -> bool:
        # A platform that has stopped goes on when half of it is read.
        return self._unread > self.limits.unread_bytes // 2

    def _reset_stalled(self) -> None:
        self._reset_some(
            [stream for stream in self.streams - self._read_meanwhile if stream.unread_bytes > 0]
        )

    def _reset_some(self, stalled: list[HeldStream]) -> None:
        """Reset those of *stalled* that hold too much, or else the one that holds most."""
        bound = self.limits.unread_bytes_per_stream
        chosen = [stream for stream in stalled if stream.unread_bytes > bound]
        if stalled and not chosen:
            chosen = [max(stalled, key=lambda stream: stream.unread_bytes)]
        for stream in chosen:
            logger.debug("%r held up others with %d unread bytes", stream, stream.unread_bytes)
            self._refusals.refuse("stall_timeout")
            stream.reset("nobody read the stream, and it held up its connection")

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._refusals.refuse("unread_bytes_process")
            self._peer.pause()
            self.start_timer(self._watch_process, name="webrtc_direct budget")

    async def _watch_process(self) -> None:
        """Resume once others have read; what nobody reads is reset, of whichever connection it is."""
        enough = self.limits.unread_bytes_process * _RESUME_AT
        taken = _taken_of_this_thread()
        since = self._clock()
        while PROCESS_BUDGET.total > enough:
            await anyio.sleep(_PROCESS_SECONDS)
            if self._clock() >= since + self.limits.stall_timeout:
                now = _taken_of_this_thread()
                self._reset_some([stream for stream, count in now.items() if taken.get(stream) == count])
                taken, since = _taken_of_this_thread(), self._clock()
        self._paused = False
        self._peer.resume()

    # Bounds on sizes and on work.

    def count(self, limit: str | None) -> None:
        """Count a refusal by the field *limit*, where an error names one."""
        self._refusals.count(limit)

    def reset_by_peer(self, stream: HeldStream) -> None:
        """The peer has reset *stream*."""
        if stream.opened_by_peer:
            self.count_reset()

    def count_reset(self) -> None:
        """The peer has reset a stream that it had opened; who does that too often has to go."""
        if self.reason is None and not self._reset_rate.allows():
            # Later: where a whole connection ends, its streams hear of it first.
            self.start_timer(self._end_for_resets, name="webrtc_direct limit")

    async def _end_for_resets(self) -> None:
        if self.reason is None:
            self._refusals.refuse("resets_per_second")
            self._end_for("resets_per_second", "the peer opened and reset streams too fast")

    def _end_for(self, limit: str, what: str) -> None:
        self._end(CloseReason(CloseKind.LIMIT, f"{what} (Limits.{limit})"))

    # Bounds on time.

    def expect(self, stream: HeldStream, timeout: Event) -> None:
        """Let *timeout* happen to *stream* in ``fin_ack_timeout`` seconds, unless it is confirmed."""
        self._deadlines.setdefault((stream, timeout), self._clock() + self.limits.fin_ack_timeout)
        if not self._expiring:
            self._expiring = True
            self.start_timer(self._expire, name="webrtc_direct stream ends")

    def confirmed(self, stream: HeldStream) -> None:
        """The peer has confirmed the end of what *stream* sent."""
        self._deadlines.pop((stream, Event.FIN_ACK_TIMEOUT), None)

    def unconfirmed(self) -> list[HeldStream]:
        """Return the streams that still wait for that confirmation."""
        return [stream for stream, timeout in self._deadlines if timeout is Event.FIN_ACK_TIMEOUT]

    async def _expire(self) -> None:
        while self._deadlines:
            key, deadline = next(iter(self._deadlines.items()))
            await anyio.sleep_until(deadline)
            if self._deadlines.pop(key, None) is not None:
                stream, timeout = key
                stream.apply(timeout)
        self._expiring = False

    def heard(self) -> int | None:
        """What to give to ``hear_again``, as it is now."""
        return self._peer.heard()

    async def hear_again(self, since: int | None) -> None:
        """Return once more is heard from the peer than at *since*; at once where the platform cannot tell.

        A peer that is alive is soon heard of: it acknowledges what it is sent, and is asked for consent.

        Raises:
            ConnectionLost: the connection ended before that, as silence ends it.
        """
        with anyio.move_on_after(self.limits.silence_timeout + _VERDICT_SECONDS):
            # The platform counts, and tells nobody: there is no event to wait for.
            while self.reason is None and since is not None and self._peer.heard() == since:  # noqa: ASYNC110
                await anyio.sleep(_HEARD_SECONDS)
        if self.reason is not None:
            raise ConnectionLost(self.reason)

    async def _watch_idle(self) -> None:
        seconds = self.limits.idle_timeout
        while seconds is not None:
            await anyio.sleep_until(self._last_use + seconds)
            now = self._clock()
            if any(stream.counts_as_use for stream in self.streams):
                self._last_use = now
            elif self._last_use + seconds <= now:
                self._end_for("idle_timeout", f"no stream was open for {seconds:g} s")
                return

    async def run_until_end(
        self, background: Callable[[_Argument], Awaitable[None]], argument: _Argument
    ) -> None:
        """Run *background* until the connection ends, or ``stop_background``."""
        if self.reason is not None:
            return
        with anyio.CancelScope() as scope:
            self._background.add(scope)
            try:
                await background(argument)
            finally:
                self._background.discard(scope)

    def stop_background(self) -> None:
        """Cancel what ``run_until_end`` runs."""
        for scope in self._background:
            scope.cancel()

    def start_timer(self, timer: Callable[[], Awaitable[None]], *, name: str) -> None:
        """Run *timer* in a task until it returns, or the connection ends."""
        self._starter.start_soon(self._run_timer, timer, name=name)

    async def _run_timer(self, timer: Callable[[], Awaitable[None]]) -> None:
        with anyio.CancelScope() as scope:
            self._timers.add(scope)
            try:
                await timer()
            finally:
                self._timers.discard(scope)

    # The end.

    def over(self, stream: HeldStream) -> None:
        """Forget *stream*, once its channel is closed and nothing of it is unread."""
        for timeout in (Event.FIN_ACK_TIMEOUT, Event.FIN_TIMEOUT):
            self._deadlines.pop((stream, timeout), None)
        self._over(stream)
        if stream.unread_bytes == 0 and stream in self.streams:
            self.streams.remove(stream)
            self.share.add(-1)
            if stream.counts_as_use:
                self._last_use = self._clock()

    def end(self, reason: CloseReason) -> None:
        """Say to every stream that the connection ended."""
        # What can still be read is the reader's own from now on.
        PROCESS_BUDGET.add(-self._unread)
        self.reason = reason
        for stream in tuple(self.streams):
            stream.channel_closed()
        self.share.end()
        self.streams.clear()
        _tables_of_this_thread().discard(self)
        self._deadlines.clear()
        for timer in self._timers:
            timer.cancel()
        self.stop_background()


_LOCAL = threading.local()


def _tables_of_this_thread() -> WeakSet[StreamTable]:
    """Return the tables of the connections of now. Another thread's streams cannot be touched from here."""
    if not hasattr(_LOCAL, "tables"):
        _LOCAL.tables = WeakSet()
    tables: WeakSet[StreamTable] = _LOCAL.tables
    return tables


def _taken_of_this_thread() -> dict[HeldStream, int]:
    """Return this thread's streams that hold unread bytes, and how much was ever read from each."""
    streams = (stream for table in _tables_of_this_thread() for stream in table.streams)
    return {stream: stream.taken_bytes for stream in streams if stream.unread_bytes > 0}
