"""A stream as py-libp2p's ``IMuxedStream``: the same bytes, and py-libp2p's errors.

Knows nothing of frames: what a stream does is the business of :class:`webrtc_direct.Stream`.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio
from libp2p.abc import IMuxedConn, IMuxedStream
from libp2p.stream_muxer.exceptions import (
    MuxedStreamClosed,
    MuxedStreamEOF,
    MuxedStreamError,
    MuxedStreamReset,
)

from webrtc_direct.errors import StreamClosed, StreamReset
from webrtc_direct.platform.closing import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webrtc_direct.streams.stream import Stream

# What a read without a size takes at most; as the other muxers of py-libp2p it returns what is there.
_READ_BYTES = 65536


class DeadlineExceeded(MuxedStreamError, TimeoutError):
    """The time that ``set_deadline`` gave to the stream has passed."""


class MuxedStream(IMuxedStream):
    """*stream*, for py-libp2p. One task may read while another one writes; others wait for their turn."""

    def __init__(self, muxed_conn: IMuxedConn, stream: Stream) -> None:
        self.muxed_conn = muxed_conn
        self._stream = stream
        self._reading = trio.Lock()
        self._writing = trio.Lock()
        self._deadline = math.inf
        self._waiting: set[trio.CancelScope] = set()
        self._over = False

    async def __aenter__(self) -> MuxedStream:
        return self

    async def read(self, n: int | None = None) -> bytes:
        """Return what has come, at most *n* bytes.

        Raises:
            MuxedStreamEOF: the peer has ended the stream, or this end has closed it.
            MuxedStreamReset: it was reset, or the connection ended.
            DeadlineExceeded: the time that ``set_deadline`` gave has passed.
        """
        if n == 0:
            return b""
        size = _READ_BYTES if n is None or n < 0 else n
        try:
            with self._in_time():
                async with self._reading:
                    data = await self._stream.read(size)
        except StreamClosed as error:
            raise MuxedStreamEOF(str(error)) from error
        if not data:
            raise MuxedStreamEOF("the peer has ended the stream")
        return data

    async def write(self, data: bytes) -> None:
        """Send *data*; waits while the peer or the network is slower.

        Raises:
            MuxedStreamClosed: this end has closed the stream, or the peer reads no more.
            MuxedStreamReset: it was reset, or the connection ended.
            DeadlineExceeded: the time that ``set_deadline`` gave has passed.
        """
        try:
            with self._in_time():
                async with self._writing:
                    await self._stream.write(data)
        except StreamClosed as error:
            raise MuxedStreamClosed(str(error)) from error

    async def close(self) -> None:
        """Close both directions; what was written is still delivered."""
        self._over = True
        await self._stream.aclose()

    async def close_write(self) -> None:
        """End what this end sends; reading goes on."""
        await self._stream.close_write()

    async def reset(self) -> None:
        """Give the stream up. One that is closed stays so: what was written before is still delivered."""
        if not self._over:
            self._over = True
            self._stream.reset()
        await trio.lowlevel.checkpoint()

    def set_deadline(self, ttl: int) -> None:
        """Let reads and writes fail from *ttl* seconds on, also those that wait now; 0 gives all time again.

        Raises:
            ValueError: *ttl* is negative.
        """
        if ttl < 0:
            raise ValueError(f"the time until a deadline cannot be negative: {ttl}")
        self._deadline = trio.current_time() + ttl if ttl else math.inf
        for scope in self._waiting:
            scope.deadline = self._deadline

    @property
    def is_closed(self) -> bool:
        """Whether this end has closed or reset the stream, or its connection has ended."""
        return self._over or self.muxed_conn.is_closed

    def get_remote_address(self) -> tuple[str, int] | None:
        """IP address and UDP port of the peer."""
        return self._stream.connection.remote

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        with trio.CancelScope(deadline=self._deadline) as scope:
            self._waiting.add(scope)
            try:
                yield
            except (StreamReset, ConnectionLost) as error:
                raise MuxedStreamReset(str(error)) from error
            finally:
                self._waiting.discard(scope)
        if scope.cancelled_caught:
            raise DeadlineExceeded("the deadline of the stream has passed")
