"""Streams of peers begin in turn: a few in each turn of the event loop, one of each connection.

An event loop is one queue, so the tasks of one connection's streams would delay those of all others. What
waits here has no task yet, and a stream that ends while it waits never gets one. A connection that had
nothing comes before those that had, as with its events (``rust/driver/src/queue.rs``).
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from anyio.lowlevel import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.bounds.process_budget import Share
    from webrtc_direct.runtime.outside_tasks import Starter
    from webrtc_direct.streams.stream import Stream

# With their handlers these take about a millisecond; a turn does more, but for no stream that is new.
_STREAMS_PER_TURN = 8


class StreamTurns:
    """The turns of all connections of one event loop."""

    def __init__(self) -> None:
        # Connections whose turn comes next: they had nothing before.
        self._fresh: deque[WaitingStreams] = deque()
        # The other ones. Who has nothing left keeps its place for a round, and so is not fresh in each.
        self._turns: deque[WaitingStreams] = deque()
        self._is_driven = False

    def join(self, connection: WaitingStreams) -> None:
        """Give *connection* a turn."""
        self._fresh.append(connection)

    def leave(self, connection: WaitingStreams) -> None:
        """Take its turn from *connection*."""
        for turns in (self._fresh, self._turns):
            if connection in turns:
                turns.remove(connection)

    async def drive(self, starter: Starter) -> None:
        """Begin what waits, of all connections, unless another task is at it. This one has *starter*'s tasks.

        Who begins them has their tasks started by the starter of their own connection, so that they have its
        context.
        """
        if self._is_driven:
            return
        self._is_driven = True
        try:
            is_left = True
            while is_left and not starter.has_stopped:
                is_left = self._begin_some()
                starter.start_due()
                if is_left:
                    await checkpoint()
        finally:
            # Where this connection ends first, others go on.
            self._is_driven = False
            for connection in (*self._fresh, *self._turns):
                connection.wake()

    def _begin_some(self) -> bool:
        """Begin as many streams as a turn may have. Whether some are left."""
        begun = 0
        while self._fresh or self._turns:
            if begun == _STREAMS_PER_TURN:
                return True
            connection = (self._fresh or self._turns).popleft()
            if connection.begin_one():
                begun += 1
                self._turns.append(connection)
        return False


class WaitingStreams:
    """The streams of one connection that wait, in order. *begin* is given each in its turn."""

    __slots__ = ("_begin", "_has_turn", "_pending", "_streams", "turns", "wake")

    def __init__(self, begin: Callable[[Stream], None], *, pending: Share, wake: Callable[[], None]) -> None:
        self.wake = wake
        """Has the connection's task drive."""
        self._begin = begin
        self._pending = pending
        self._streams: dict[object, Stream] = {}
        self._has_turn = False
        self.turns: StreamTurns = _turns_of_this_thread()

    def add(self, stream: Stream) -> None:
        """Let *stream* begin in its turn, unless it is discarded before. It is pending already."""
        self._streams[stream] = stream
        if not self._has_turn:
            self._has_turn = True
            self.turns.join(self)
        self.wake()

    def discard(self, stream: object) -> None:
        """Forget *stream*, if it waits: it has ended."""
        if stream in self._streams:
            del self._streams[stream]
            self._pending.add(-1)

    def clear(self) -> None:
        """Forget all: the connection has ended."""
        self._streams.clear()
        if self._has_turn:
            self._has_turn = False
            self.turns.leave(self)

    def begin_one(self) -> bool:
        """Begin the first one. Whether there was one: otherwise the turn is given up."""
        stream = next(iter(self._streams.values()), None)
        self._has_turn = stream is not None
        if stream is not None:
            del self._streams[stream]
            self._begin(stream)
        return self._has_turn


_LOCAL = threading.local()


def _turns_of_this_thread() -> StreamTurns:
    """Return the turns of the event loop that runs on this thread."""
    if not hasattr(_LOCAL, "turns"):
        _LOCAL.turns = StreamTurns()
    turns: StreamTurns = _LOCAL.turns
    return turns
