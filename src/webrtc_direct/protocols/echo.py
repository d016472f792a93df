"""``/echo/1.0.0``: everything that arrives goes back, until its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webrtc_direct.streams.stream import Stream

ECHO_PROTOCOL = "/echo/1.0.0"

_READ_BYTES = 256 * 1024


async def echo_handler(stream: Stream) -> None:
    """Send back what *stream* receives. Register it to serve ``/echo/1.0.0``."""
    while data := await stream.read(_READ_BYTES):
        await stream.write(data)
