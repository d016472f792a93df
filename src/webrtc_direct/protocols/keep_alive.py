"""Keep-alive: a ping now and then, so that middleboxes remember the connection and a dead peer is noticed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.errors import (
    HandshakeTimeout,
    LimitExceeded,
    ProtocolNotSupported,
    RemoteProtocolError,
    StreamClosed,
    StreamReset,
)
from webrtc_direct.platform.closing import CloseKind, CloseReason, ConnectionLost
from webrtc_direct.protocols.ping import PING_PROTOCOL, PingStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct.connection.connection import Connection

logger: logging.Logger = logging.getLogger("webrtc_direct.keep_alive")


def keep_alive_every(seconds: float | None) -> tuple[Callable[[Connection], Awaitable[None]], ...]:
    """Return what a connection runs in the background: a ping every *seconds*; nothing for ``None``."""
    if seconds is None:
        return ()
    if not 0 < seconds < float("inf"):
        raise ValueError(f"keep_alive must be a number of seconds above 0, not {seconds!r}")

    async def keep_alive(connection: Connection) -> None:
        """Ping until the connection ends."""
        await _keep_alive(connection, seconds)

    return (keep_alive,)


async def _keep_alive(connection: Connection, interval: float) -> None:
    try:
        while True:
            await anyio.sleep(interval)
            try:
                await _ping_on_one_stream(connection, interval)
            except (StreamReset, StreamClosed, RemoteProtocolError, LimitExceeded) as error:
                # Some peers end a ping stream that was idle for 10 s: the next ping has a new one.
                logger.debug("%r: a keep-alive stream ended: %r", connection, str(error))
    except (TimeoutError, HandshakeTimeout):
        connection.end(CloseReason(CloseKind.TIMEOUT, "the peer did not answer a keep-alive ping"))
    except ProtocolNotSupported:
        logger.info("%r: the peer does not answer pings; there is no keep-alive", connection)
    except ConnectionLost:
        return


async def _ping_on_one_stream(connection: Connection, interval: float) -> None:
    async with connection.open_stream(PING_PROTOCOL) as stream:
        stream.counts_as_use = False
        pings = PingStream(stream)
        while True:
            with anyio.fail_after(connection.local.limits.silence_timeout):
                await pings.ping()
            await anyio.sleep(interval)
