"""Moving data for the commands that measure it: shares for the streams, and comparing an echo.

It knows nothing of options or of printing; *progress* is told how many bytes moved.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Literal

from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.protocols.echo import ECHO_PROTOCOL
from webrtc_direct.protocols.perf import perf
from webrtc_direct.runtime.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.streams.stream import Stream

    Progress = Callable[[int], None]

_BLOCK_BYTES = 256 * 1024


def shares(size: int, streams: int) -> list[int]:
    """Split *size* over *streams* as evenly as whole bytes allow."""
    share, rest = divmod(size, streams)
    return [share + (index < rest) for index in range(streams)]


async def transfer(
    connection: Connection,
    direction: Literal["upload", "download"],
    *,
    size: int,
    streams: int,
    progress: Progress,
) -> float:
    """Move *size* bytes by ``/perf/1.0.0``, split over *streams*, and return the seconds it took."""

    async def one(share: int) -> None:
        """Move the share of one stream."""
        upload, download = (share, 0) if direction == "upload" else (0, share)
        await perf(connection, upload=upload, download=download, progress=lambda _, count: progress(count))

    started = time.perf_counter()
    async with task_group() as tasks:
        for share in shares(size, streams):
            tasks.start_soon(one, share)
    return time.perf_counter() - started


async def compare_echo(connection: Connection, *, size: int, streams: int, progress: Progress) -> float:
    """Send *size* random bytes by ``/echo/1.0.0``, split over *streams*, and compare what comes back.

    Returns the seconds it took. Raises ``RemoteProtocolError`` where a byte differs.
    """
    started = time.perf_counter()
    async with task_group() as tasks:
        for share in shares(size, streams):
            tasks.start_soon(_echo, connection, share, progress)
    return time.perf_counter() - started


async def _echo(connection: Connection, size: int, progress: Progress) -> None:
    on_the_way: deque[bytes] = deque()
    async with connection.open_stream(ECHO_PROTOCOL) as stream, task_group() as tasks:
        tasks.start_soon(_send_random, stream, size, on_the_way)
        received = 0
        while data := await stream.read(_BLOCK_BYTES):
            _compare(data, on_the_way, offset=received)
            received += len(data)
            progress(len(data))
    if received != size:
        raise RemoteProtocolError(f"echo: {size} bytes were sent, {received} came back")


async def _send_random(stream: Stream, size: int, on_the_way: deque[bytes]) -> None:
    left = size
    while left:
        block = os.urandom(min(left, _BLOCK_BYTES))
        # Before the write, because the peer may answer during it.
        on_the_way.append(block)
        await stream.write(block)
        left -= len(block)
    await stream.close_write()


def _compare(data: bytes, on_the_way: deque[bytes], *, offset: int) -> None:
    """Take *data* off the front of what is *on_the_way*."""
    compared = 0
    while compared < len(data):
        expected = on_the_way.popleft() if on_the_way else b""
        part = data[compared : compared + len(expected)]
        if not expected or part != expected[: len(part)]:
            raise RemoteProtocolError(f"echo: not what was sent, at or after byte {offset + compared}")
        if len(part) < len(expected):
            on_the_way.appendleft(expected[len(part) :])
        compared += len(part)
