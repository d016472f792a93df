"""Files over a stream: read and written in threads, a block at a time.

Knows nothing of streams but ``read`` and ``write``.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, BinaryIO

import anyio
from anyio.abc import ByteStream

from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.runtime.blocking import blocking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

# What is held of a file.
_BLOCK = 256 * 1024


class FileMethods(ByteStream):
    """Made of ``read`` and ``write`` alone."""

    @abstractmethod
    async def read(self, max_bytes: int = _BLOCK) -> bytes:
        """Return what has come, ``b""`` at the end."""

    @abstractmethod
    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*."""

    async def send_file(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        *,
        offset: int = 0,
        count: int | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> int:
        """Send a file from *offset* on, to its end or *count* bytes of it, and return how many those were.

        *file* is a path, or a file that is open in binary mode, which stays open. *on_progress* is called
        with the number of bytes sent so far. This end's half stays open: ``close_write`` ends it.

        Raises:
            OSError: the file cannot be read.
            StreamClosed, StreamReset, ConnectionLost, StreamBusy: as ``write``.
        """
        if offset < 0 or (count is not None and count < 0):
            raise ValueError("offset and count must be at least 0")
        sent = 0
        async with _opened(file, lambda path: open(path, "rb"), offset) as source:
            while count is None or sent < count:
                size = _BLOCK if count is None else min(_BLOCK, count - sent)
                data = await blocking(lambda size=size: source.read(size))  # type: ignore[misc]
                if not data:
                    break
                await self.write(data)
                sent += len(data)
                if on_progress is not None:
                    on_progress(sent)
        return sent

    async def receive_file(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        *,
        offset: int = 0,
        max_bytes: int | None = None,
        on_progress: Callable[[int], object] | None = None,
    ) -> int:
        """Write what comes, to the end of the stream, into a file, and return how many bytes that was.

        *file* is a path, or a file that is open in binary mode, which stays open. They are written from
        *offset* on; of a path, so many bytes are kept, and the rest is cut off. Whatever goes wrong, what
        came before is in the file. *on_progress* is called with the number of bytes received so far.

        Raises:
            OSError: the file cannot be written.
            ValueError: the file has fewer than *offset* bytes.
            RemoteProtocolError: the peer sends more than *max_bytes*; so many are in the file.
            StreamReset, ConnectionLost, StreamClosed, StreamBusy: as ``read``.
        """
        if offset < 0 or (max_bytes is not None and max_bytes < 0):
            raise ValueError("offset and max_bytes must be at least 0")
        received = 0
        async with _opened(file, lambda path: _open_to_go_on(path, offset), offset) as target:
            while data := await self.read(_BLOCK):
                fits = data if max_bytes is None else data[: max_bytes - received]
                await blocking(lambda fits=fits: _write_all(target, fits))  # type: ignore[misc]
                received += len(fits)
                if on_progress is not None:
                    on_progress(received)
                if len(fits) < len(data):
                    raise RemoteProtocolError(f"a file of more than {max_bytes} bytes")
        return received


@asynccontextmanager
async def _opened(
    file: str | os.PathLike[str] | BinaryIO,
    open_path: Callable[[str | os.PathLike[str]], BinaryIO],
    offset: int,
) -> AsyncIterator[BinaryIO]:
    """Give *file*, opened if it is a path, at *offset*."""
    if not isinstance(file, str | os.PathLike):
        if offset or file.seekable():
            await blocking(lambda: file.seek(offset))
        yield file
        return
    opened = await blocking(lambda: open_path(file))
    try:
        await blocking(lambda: opened.seek(offset))
        yield opened
    finally:
        with anyio.CancelScope(shield=True):
            await blocking(opened.close)


def _open_to_go_on(path: str | os.PathLike[str], offset: int) -> BinaryIO:
    # As open(path, "wb") does, but for what is there.
    file = open(path, "wb", opener=lambda name, flags: os.open(name, flags & ~os.O_TRUNC, 0o666))
    size = file.seek(0, os.SEEK_END)
    if size < offset:
        file.close()
        raise ValueError(f"{os.fspath(path)} has {size} bytes, and offset is {offset}")
    file.truncate(offset)
    return file


def _write_all(file: BinaryIO, data: bytes) -> None:
    """Write *data*, of which a file without a buffer may take a part at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
