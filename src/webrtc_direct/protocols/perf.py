"""``/perf/1.0.0``: how fast data moves.

The client sends 8 bytes (big-endian: how many bytes it wants back), then its upload,
then ends its half; the server sends what was asked for and ends its half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from webrtc_direct.errors import RemoteProtocolError

if TYPE_CHECKING:
    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.streams.stream import Stream

Progress = Callable[[Literal["upload", "download"], int], None]
"""Called with the direction and the bytes moved since its last call."""

PERF_PROTOCOL = "/perf/1.0.0"

_COUNT_BYTES = 8
_BLOCK = bytes(256 * 1024)


@dataclass(frozen=True)
class PerfResult:
    """How much a measurement moved, and how long it took. Sizes are bytes, times seconds.

    The upload ends when the first byte of the answer, or its end, has arrived: only then
    is it certain that the peer has everything.
    """

    upload_bytes: int
    upload_seconds: float
    download_bytes: int
    download_seconds: float


async def perf(
    connection: Connection, *, upload: int, download: int, progress: Progress | None = None
) -> PerfResult:
    """Send *upload* bytes, let the peer send *download* bytes, and measure both.

    *progress* is called from time to time with the direction and the bytes moved since its last call.

    Raises:
        ProtocolNotSupported: the peer does not support perf.
        RemoteProtocolError: the peer sent more or fewer bytes than it was asked for.
        ConnectionLost: the connection ended meanwhile.
    """
    async with connection.open_stream(PERF_PROTOCOL, lazy=True) as stream:
        started = perf_counter()
        await stream.write(download.to_bytes(_COUNT_BYTES, "big"))
        await _send_zeros(stream, upload, None if progress is None else lambda size: progress("upload", size))
        await stream.close_write()
        data = await stream.read(len(_BLOCK))
        uploaded = perf_counter()
        received = 0
        while data:
            received += len(data)
            if progress is not None:
                progress("download", len(data))
            data = await stream.read(len(_BLOCK))
        downloaded = perf_counter()
    if received != download:
        raise RemoteProtocolError(f"perf: asked for {download} bytes, received {received}")
    return PerfResult(upload, uploaded - started, download, downloaded - uploaded)


async def perf_handler(stream: Stream) -> None:
    """Receive what the client uploads, then send what it asked for. Register it to serve ``/perf/1.0.0``."""
    wanted = int.from_bytes(await stream.read_exactly(_COUNT_BYTES), "big")
    while await stream.read(len(_BLOCK)):
        pass
    await _send_zeros(stream, wanted, None)


async def _send_zeros(stream: Stream, size: int, progress: Callable[[int], None] | None) -> None:
    while size > 0:
        count = min(size, len(_BLOCK))
        await stream.write(_BLOCK if count == len(_BLOCK) else _BLOCK[:count])
        size -= count
        if progress is not None:
            progress(count)
