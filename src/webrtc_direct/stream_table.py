"""What the streams of one connection share: the table of them, the unread total, their timers, the end.

It knows nothing of handlers, of protocols or of what a frame is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.protocol.stream_state import Event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from webrtc_direct.limits import Limits
    from webrtc_direct.platform.base import CloseReason
    from webrtc_direct.stream import Stream

logger = logging.getLogger("webrtc_direct.stream")


class StreamTable:
    """The streams of one connection. Its timers are tasks of *tasks*, and run only while one is due."""

    def __init__(self, tasks: TaskGroup, limits: Limits) -> None:
        self.limits = limits
        self.streams: set[Stream] = set()
        self.reason: CloseReason | None = None
        """Why the connection ended, once it has."""
        self._tasks = tasks
        self._unread = 0
        self._stopped_since: float | None = None
        self._read_meanwhile: set[Stream] = set()
        self._watching = False
        # All are equally far away when they are set, so the first one is the first one due.
        self._deadlines: dict[tuple[Stream, Event], float] = {}
        self._expiring = False
        self._timers: set[anyio.CancelScope] = set()

    # Bounds on memory.

    def received(self, count: int) -> None:
        """Count *count* more unread bytes; less than 0 where a stream discards some."""
        self._unread += count
        if self._unread < self.limits.unread_bytes:
            self._stopped_since = None
        elif self._stopped_since is None and self.reason is None:
            self._stopped_since = anyio.current_time()
            self._read_meanwhile.clear()
            if not self._watching:
                self._watching = True
                self._tasks.start_soon(self._run_timer, self._watch_stall, name="webrtc_direct stall watch")

    def read(self, stream: Stream, count: int) -> None:
        """Count *count* bytes of *stream* as read."""
        self._unread -= count
        if self._stopped_since is not None:
            self._read_meanwhile.add(stream)
            if self._unread < self.limits.unread_bytes:
                self._stopped_since = None

    async def _watch_stall(self) -> None:
        while (since := self._stopped_since) is not None:
            await anyio.sleep_until(since + self.limits.stall_timeout)
            if self._stopped_since == since:
                self._stopped_since = None
                self._reset_stalled()
                # Look again, from now on, if the total is still at its bound.
                self.received(0)
        self._watching = False

    def _reset_stalled(self) -> None:
        unread = [stream for stream in self.streams - self._read_meanwhile if stream.unread_bytes > 0]
        if unread:
            stalled = max(unread, key=lambda stream: stream.unread_bytes)
            logger.debug("%r held up its connection with %d unread bytes", stalled, stalled.unread_bytes)
            stalled.reset("nobody read the stream, and it held up its connection")

    # Bounds on time.

    def expect(self, stream: Stream, timeout: Event) -> None:
        """Let *timeout* happen to *stream* in ``fin_ack_timeout`` seconds, unless it is confirmed."""
        self._deadlines.setdefault((stream, timeout), anyio.current_time() + self.limits.fin_ack_timeout)
        if not self._expiring:
            self._expiring = True
            self._tasks.start_soon(self._run_timer, self._expire, name="webrtc_direct stream ends")

    def confirmed(self, stream: Stream) -> None:
        """The peer has confirmed the end of what *stream* sent."""
        self._deadlines.pop((stream, Event.FIN_ACK_TIMEOUT), None)

    def unconfirmed(self) -> list[Stream]:
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

    async def _run_timer(self, timer: Callable[[], Awaitable[None]]) -> None:
        with anyio.CancelScope() as scope:
            self._timers.add(scope)
            try:
                await timer()
            finally:
                self._timers.discard(scope)

    # The end.

    def over(self, stream: Stream) -> None:
        """Forget *stream*, once its channel is closed and nothing of it is unread."""
        for timeout in (Event.FIN_ACK_TIMEOUT, Event.FIN_TIMEOUT):
            self._deadlines.pop((stream, timeout), None)
        if stream.unread_bytes == 0:
            self.streams.discard(stream)

    def end(self, reason: CloseReason) -> None:
        """Say to every stream that the connection ended."""
        self.reason = reason
        for stream in tuple(self.streams):
            stream.channel_closed()
        self.streams.clear()
        self._deadlines.clear()
        self._stopped_since = None
        for timer in self._timers:
            timer.cancel()
