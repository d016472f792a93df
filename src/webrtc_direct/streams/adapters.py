"""Streams for code that was written for asyncio's: a transport of asyncio over a stream of this package."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from webrtc_direct.errors import LocalProtocolError, StreamClosed, StreamReset
from webrtc_direct.platform.closing import ConnectionLost
from webrtc_direct.runtime.outside_tasks import asyncio_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct.streams.stream import Stream

_READ_BYTES = 65536
# Those of asyncio's own transports.
_HIGH_WATER = 65536
_LIMIT = 65536

# The event loop alone would not keep a task.
_RUNNING: set[asyncio.Task[None]] = set()


async def asyncio_streams(
    stream: Stream, *, limit: int = _LIMIT
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    r"""Return *stream* as a reader and a writer of asyncio, which alone use it from then on.

    They are what ``asyncio.open_connection`` gives: ``drain`` waits while the peer or the network is
    slower, ``write_eof`` ends this end's half, a reset or a lost connection is a ``ConnectionResetError``.
    The reader holds about twice *limit* bytes. A handler ends with ``writer.close()`` and
    ``await writer.wait_closed()``: when it returns, what the writer still holds is lost.

    ``get_extra_info`` knows "peername" (IP address and port) and "stream".

    Raises:
        LocalProtocolError: this is not a task of asyncio. trio's code takes the stream itself.

    Example::

        async with connection.open_stream("/example/lines/1") as stream:
            reader, writer = await asyncio_streams(stream)
            writer.write(b"hello\n")
            line = await reader.readline()
    """
    loop = asyncio_loop()
    if loop is None:
        raise LocalProtocolError("asyncio_streams needs asyncio: under trio use the stream itself")
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = _StreamTransport(stream, protocol)
    protocol.connection_made(transport)
    transport.start()
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class _StreamTransport(asyncio.Transport):
    """Carries bytes between *stream* and *protocol*: one task for each direction."""

    def __init__(self, stream: Stream, protocol: asyncio.Protocol) -> None:
        super().__init__(extra={"peername": stream.connection.remote, "stream": stream})
        self._stream = stream
        self._protocol: asyncio.BaseProtocol = protocol
        self._tasks: list[asyncio.Task[None]] = []
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._read_all = False
        # What waits to be written, and how much of it the stream has already.
        self._buffer = bytearray()
        self._writing = 0
        self._has_work = asyncio.Event()
        self._high, self._low = _HIGH_WATER, _HIGH_WATER // 4
        self._protocol_waits = False
        self._eof = self._eof_written = False
        self._closing = self._ended = False
        # The peer reads no more: what comes from it can still be read.
        self._broken: BrokenPipeError | None = None

    def __repr__(self) -> str:
        return f"<transport of asyncio over {self._stream!r}>"

    def start(self) -> None:
        """Begin to read and to write."""
        for work in (self._read, self._write):
            task = asyncio.create_task(self._guard(work), name="webrtc_direct asyncio stream")
            _RUNNING.add(task)
            task.add_done_callback(_RUNNING.discard)
            self._tasks.append(task)

    # What asyncio asks of every transport.

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell *protocol* from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return whom this transport tells."""
        return self._protocol

    def is_closing(self) -> bool:
        """Say whether it is closed, or about to be."""
        return self._closing

    def close(self) -> None:
        """Write what waits, then close the stream. What comes from the peer is thrown away."""
        if not self._closing:
            self._closing = True
            self._tasks[0].cancel()
            self._has_work.set()

    def abort(self) -> None:
        """Reset the stream."""
        self._stream.reset()
        self._end(None)

    # Reading.

    def is_reading(self) -> bool:
        """Say whether the protocol takes data."""
        return self._may_read.is_set() and not self._closing

    def pause_reading(self) -> None:
        """Give the protocol no more data, so that the peer slows down."""
        self._may_read.clear()

    def resume_reading(self) -> None:
        """Give it data again."""
        self._may_read.set()

    async def _read(self) -> None:
        data = b"-"
        while data:
            await self._may_read.wait()
            data = await self._stream.read(_READ_BYTES)
            # It may have been paused meanwhile.
            await self._may_read.wait()
            if data and isinstance(self._protocol, asyncio.Protocol):
                self._protocol.data_received(data)
        self._read_all = True
        if isinstance(self._protocol, asyncio.Protocol) and not self._protocol.eof_received():
            self.close()
        if self._broken is not None:
            self._end(self._broken)

    # Writing.

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be written."""
        return len(self._buffer) + self._writing

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low-water and the high-water mark."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks beyond which ``drain`` waits, and below which it goes on."""
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._tell_room()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Let *data* be written; ``drain`` of the writer waits for room."""
        if self._eof:
            raise RuntimeError("cannot write after write_eof")
        # As with asyncio's own transports: drain and wait_closed tell that it was for nothing.
        if not self._closing and self._broken is None:
            self._buffer += data
            self._tell_room()
            self._has_work.set()

    def can_write_eof(self) -> bool:
        """Say that each half ends on its own."""
        return True

    def write_eof(self) -> None:
        """End what this end sends, once all is written."""
        self._eof = True
        self._has_work.set()

    async def _write(self) -> None:
        while True:
            if self._buffer:
                data, self._buffer = self._buffer, bytearray()
                self._writing = len(data)
                try:
                    await self._stream.write(data)
                except StreamClosed as error:
                    if not error.by_peer:
                        raise
                    self._break(error)
                self._writing = 0
                self._tell_room()
            elif self._eof and not self._eof_written:
                self._eof_written = True
                await self._stream.close_write()
            elif self._closing:
                await self._stream.aclose()
                self._end(self._broken)
            else:
                self._has_work.clear()
                await self._has_work.wait()

    def _break(self, error: StreamClosed) -> None:
        self._broken = BrokenPipeError(error.problem)
        self._buffer.clear()
        if self._read_all:
            self._end(self._broken)

    def _tell_room(self) -> None:
        size = self.get_write_buffer_size()
        if size > self._high and not self._protocol_waits:
            self._protocol_waits = True
            self._protocol.pause_writing()
        elif size <= self._low and self._protocol_waits:
            self._protocol_waits = False
            self._protocol.resume_writing()

    # Ending.

    async def _guard(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work*; where it fails the transport ends, and where the event loop does, the stream."""
        try:
            await work()
        except (StreamReset, StreamClosed, ConnectionLost) as error:
            lost = ConnectionResetError(str(error))
            lost.__cause__ = error
            self._end(lost)
        except BaseException:
            if not self._closing:
                self.abort()
            raise

    def _end(self, error: Exception | None) -> None:
        """Tell the protocol, once, that it is over."""
        if self._ended:
            return
        self._ended = self._closing = True
        self._buffer.clear()
        for task in self._tasks:
            task.cancel()
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)
