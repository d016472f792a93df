"""How streams and connections end: the steps of ``python_peer.py`` for it, and what it serves for them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from content import Content, WrongContent
from python_transfers import DOWNLOAD, UPLOAD, ping

from webrtc_direct import ConnectionLost, StreamReset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct import Connection, Stream

    Ping = Callable[[Connection, int], Awaitable[list[float]]]

HALF_CLOSE_PROTOCOL = "/interop/half-close/1.0.0"
RESET_PROTOCOL = "/interop/reset/1.0.0"
CLOSE_PROTOCOL = "/interop/close/1.0.0"

DIALER_FIRST, LISTENER_FIRST = b"\x01", b"\x02"
HALF_CLOSE_SEED = 2
HALF_CLOSE_UP = 1000
HALF_CLOSE_DOWN = 2000

RESET_BY_LISTENER, RESET_BY_DIALER = b"\x01", b"\x02"


async def half_close(connection: Connection) -> bool:
    """Have each end finish writing first, once, and the other one answer after that FIN."""
    up, down = Content(HALF_CLOSE_SEED, UPLOAD), Content(HALF_CLOSE_SEED, DOWNLOAD)
    async with connection.open_stream(HALF_CLOSE_PROTOCOL) as stream:
        await stream.write(DIALER_FIRST)
        await _send_all(stream, up, HALF_CLOSE_UP)
        await down.receive(stream, HALF_CLOSE_DOWN)
    async with connection.open_stream(HALF_CLOSE_PROTOCOL) as stream:
        await stream.write(LISTENER_FIRST)
        await down.receive(stream, HALF_CLOSE_DOWN)
        await _send_all(stream, up, HALF_CLOSE_UP)
    return True


async def serve_half_close(stream: Stream) -> None:
    """Be the other end of ``half_close``."""
    up, down = Content(HALF_CLOSE_SEED, UPLOAD), Content(HALF_CLOSE_SEED, DOWNLOAD)
    kind = await stream.read_exactly(1)
    if kind == DIALER_FIRST:
        await up.receive(stream, HALF_CLOSE_UP)
        await _send_all(stream, down, HALF_CLOSE_DOWN)
    elif kind == LISTENER_FIRST:
        await _send_all(stream, down, HALF_CLOSE_DOWN)
        await up.receive(stream, HALF_CLOSE_UP)
    else:
        raise WrongContent(f"half-close of kind {kind!r}")


async def reset(connection: Connection, ping: Ping = ping) -> bool:
    """Have each end reset a stream, once; *ping* is how the library pings."""
    async with connection.open_stream(RESET_PROTOCOL) as stream:
        await stream.write(RESET_BY_LISTENER)
        await _expect_reset(stream)
    async with connection.open_stream(RESET_PROTOCOL) as stream:
        await stream.write(RESET_BY_DIALER)
        echoed = await stream.read_exactly(1)
        if echoed != RESET_BY_DIALER:
            raise WrongContent(f"the peer echoed {echoed!r}")
        stream.reset()
    # The end of the connection would overtake the reset; what is answered after it does not.
    await ping(connection, 1)
    return True


async def serve_reset(stream: Stream, *, seen: Callable[[], None]) -> None:
    """Be the other end of ``reset``; calls *seen* when the dialer has reset the stream."""
    kind = await stream.read_exactly(1)
    if kind == RESET_BY_LISTENER:
        stream.reset()
    elif kind == RESET_BY_DIALER:
        await stream.write(kind)
        await _expect_reset(stream)
        seen()
    else:
        raise WrongContent(f"reset of kind {kind!r}")


async def closed_by_listener(connection: Connection) -> float:
    """Ask the listener to close the connection; return the milliseconds until it is noticed here."""
    async with connection.open_stream(CLOSE_PROTOCOL) as stream:
        started = time.perf_counter()
        await stream.write(b"\x01")
        # Its end comes with the end of the connection, in one way or another.
        with suppress(StreamReset, ConnectionLost):
            async for _ in stream:
                pass
    await connection.wait_closed()
    return round(1000 * (time.perf_counter() - started), 3)


async def serve_close(stream: Stream) -> None:
    """Close the connection when the dialer asks for it."""
    await stream.read_exactly(1)
    await stream.connection.aclose()


async def _expect_reset(stream: Stream) -> None:
    """Read until the peer resets the stream.

    Raises:
        WrongContent: FIN came instead.
    """
    received = 0
    try:
        async for data in stream:
            received += len(data)
    except StreamReset:
        return
    raise WrongContent(f"FIN after {received} bytes instead of a reset")


async def _send_all(stream: Stream, content: Content, size: int) -> None:
    await content.send(stream, size)
    await stream.close_write()
