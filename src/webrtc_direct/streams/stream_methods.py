"""What a stream offers on top of reading and writing: lines, messages, and the methods of anyio's ByteStream.

Knows neither flags nor channels: it reads, writes, and keeps what it has read too much.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Self

import anyio

from webrtc_direct.encoding import varint
from webrtc_direct.errors import IncompleteRead, RemoteProtocolError, StreamBusy, StreamClosed, StreamReset
from webrtc_direct.platform.closing import ConnectionLost
from webrtc_direct.runtime.tasks import task_group
from webrtc_direct.streams.file_methods import FileMethods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    from webrtc_direct.errors import WebRtcDirectError

DEFAULT_READ_BYTES = 65536
# With any of these nothing can be read any more.
_LOST = (StreamReset, ConnectionLost, StreamClosed)


class StreamMethods(FileMethods):
    """Made of what a stream can do at least."""

    def __init__(self) -> None:
        # What was read to look for the end of something; it is read again before anything else.
        self._ahead: bytearray | None = None

    @abstractmethod
    async def read(self, max_bytes: int = DEFAULT_READ_BYTES) -> bytes:
        """Return what has come, ``b""`` at the end."""

    @abstractmethod
    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*."""

    @abstractmethod
    async def close_write(self) -> None:
        """End what this end sends."""

    @abstractmethod
    def reset(self) -> None:
        """Abort both directions."""

    @abstractmethod
    async def wait_stopped(self) -> WebRtcDirectError:
        """Wait until nothing more can be sent, and return why."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self.aclose()
        else:
            self.reset()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if data := await self.read():
            return data
        raise StopAsyncIteration

    async def read_exactly(self, count: int) -> bytes:
        """Return *count* bytes. If it is cancelled nothing is lost: the next read returns what had arrived.

        Raises:
            IncompleteRead: the peer ended the stream before that; its ``partial`` is what arrived.
            StreamReset, ConnectionLost, StreamClosed, StreamBusy: as ``read``.
        """
        parts: list[bytes] = []
        missing = count
        while missing:
            try:
                part = await self.read(missing)
            except BaseException as error:
                if not isinstance(error, _LOST):
                    self._ahead = bytearray().join(parts)
                raise
            if not part:
                raise IncompleteRead(b"".join(parts), count)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    async def read_until(self, separator: bytes, *, max_bytes: int = DEFAULT_READ_BYTES) -> bytes:
        r"""Return everything up to and including the next *separator*; ``b""`` at the end of the stream.

        Lines are ``await stream.read_until(b"\n")``. If it is cancelled nothing is lost: the
        next read returns what had arrived.

        Raises:
            IncompleteRead: the peer ended the stream before the separator; its ``partial`` is what arrived.
            RemoteProtocolError: the next *max_bytes* bytes do not contain it; they can still be read.
            StreamReset, ConnectionLost, StreamClosed, StreamBusy: as ``read``.
        """
        if not separator:
            raise ValueError("the separator must have at least one byte")
        searched = 0
        while True:
            ahead = self._ahead or b""
            found = ahead.find(separator, searched, max_bytes)
            if found >= 0:
                return self._take_ahead(found + len(separator))
            if len(ahead) >= max_bytes:
                raise RemoteProtocolError(f"no {separator!r} within {max_bytes} bytes")
            # A part of it may have come.
            searched = max(0, len(ahead) - len(separator) + 1)
            if not await self._read_on():
                if not ahead:
                    return b""
                raise IncompleteRead(self._take_ahead(len(ahead)), before=repr(separator))

    async def read_message(self, max_bytes: int = DEFAULT_READ_BYTES) -> bytes | None:
        """Return the next message of at most *max_bytes* bytes, or ``None`` at the end of the stream.

        Its length comes before it, as an unsigned varint, as in most libp2p protocols. If this is
        cancelled nothing is lost: the next read returns what had arrived.

        Raises:
            IncompleteRead: the peer ended the stream within a message.
            RemoteProtocolError: the message is larger, or its length is no varint.
            StreamReset, ConnectionLost, StreamClosed, StreamBusy: as ``read``.
        """
        while True:
            ahead = self._ahead or b""
            prefix = varint.read_untrusted(ahead, 0, len(ahead)) if ahead else None
            if prefix is not None:
                size, start = prefix
                if size > max_bytes:
                    raise RemoteProtocolError(f"a message of {size} bytes, where {max_bytes} are accepted")
                if len(ahead) >= start + size:
                    return self._take_ahead(start + size)[start:]
            if not await self._read_on():
                if not ahead:
                    return None
                raise IncompleteRead(self._take_ahead(len(ahead)), before="the end of a message")

    async def _read_on(self) -> bool:
        """Read something into ``_ahead``. False at the end."""
        kept, self._ahead = self._ahead, None
        try:
            part = await self.read()
        except BaseException as error:
            if not isinstance(error, _LOST):
                self._ahead = kept
            raise
        if kept is None:
            kept = bytearray()
        kept += part
        self._ahead = kept
        return bool(part)

    def _take_ahead(self, max_bytes: int) -> bytes:
        """Return up to *max_bytes* of what was read ahead, which is something."""
        ahead = self._ahead or bytearray()
        data = bytes(ahead[:max_bytes])
        del ahead[:max_bytes]
        if not ahead:
            self._ahead = None
        return data

    async def write_message(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data* with its length before it, for ``read_message``. Raises what ``write`` raises."""
        view = memoryview(data).cast("B")
        await self.write(b"".join((varint.encode(len(view)), view)))

    @asynccontextmanager
    async def until_stopped(self) -> AsyncIterator[None]:
        """Cancel the block when nothing more can be sent, and raise why (``wait_stopped``).

        Example, for a handler whose work is useless once its caller has left::

            async with stream.until_stopped():
                answer = await think_long(question)
            await stream.write(answer)

        Raises:
            StreamReset, StreamClosed, ConnectionLost: what ``write`` would raise.
        """
        is_done = False
        why: list[WebRtcDirectError] = []

        async def watch(scope: anyio.CancelScope) -> None:
            """End the block."""
            why.append(await self.wait_stopped())
            scope.cancel()

        async with task_group() as tasks:
            tasks.start_soon(watch, tasks.cancel_scope, name="webrtc_direct until_stopped")
            yield
            is_done = True
            tasks.cancel_scope.cancel()
        if not is_done:
            raise why.pop()

    # What anyio's ByteStream has, with anyio's exceptions: for whatever takes one.

    async def receive(self, max_bytes: int = DEFAULT_READ_BYTES) -> bytes:
        """Return what has arrived, as ``read`` does (``anyio.abc.ByteStream``).

        Raises:
            anyio.EndOfStream: the peer has closed its writing half.
            anyio.BrokenResourceError: the stream was reset, or the connection ended.
            anyio.ClosedResourceError: this end has closed the stream for reading.
            anyio.BusyResourceError: another task is reading from this stream.
        """
        with _as_anyio("receiving from"):
            data = await self.read(max_bytes)
        if not data:
            raise anyio.EndOfStream
        return data

    async def send(self, item: bytes) -> None:
        """Send *item*, as ``write`` does (``anyio.abc.ByteStream``).

        Raises:
            anyio.BrokenResourceError: it was reset, the connection ended, or the peer has stopped reading.
            anyio.ClosedResourceError: this end has closed the stream for writing.
            anyio.BusyResourceError: another task is writing to this stream.
        """
        with _as_anyio("sending to"):
            await self.write(item)

    async def send_eof(self) -> None:
        """Do what ``close_write`` does (``anyio.abc.ByteStream``)."""
        await self.close_write()


@contextmanager
def _as_anyio(action: str) -> Iterator[None]:
    try:
        yield
    except StreamBusy as error:
        raise anyio.BusyResourceError(action) from error
    except StreamClosed as error:
        if error.by_peer:
            raise anyio.BrokenResourceError(error.problem) from error
        raise anyio.ClosedResourceError(error.problem) from error
    except (StreamReset, ConnectionLost) as error:
        raise anyio.BrokenResourceError(str(error)) from error
