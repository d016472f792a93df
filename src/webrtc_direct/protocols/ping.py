"""``/ipfs/ping/1.0.0``: 32 random bytes there and back, as often as one likes on one stream."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from webrtc_direct.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.streams.stream import Stream

PING_PROTOCOL = "/ipfs/ping/1.0.0"
PING_BYTES = 32


class PingStream:
    """A stream for any number of pings, one after the other."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __repr__(self) -> str:
        return f"<PingStream on {self._stream!r}>"

    async def ping(self) -> float:
        """Return the round-trip time in seconds.

        Raises:
            RemoteProtocolError: something else came back, or the peer ended the stream.
            ConnectionLost: the connection ended meanwhile.
            StreamReset: the peer reset the stream.
        """
        payload = secrets.token_bytes(PING_BYTES)
        started = perf_counter()
        await self._stream.write(payload)
        answer = await self._stream.read_exactly(PING_BYTES)
        seconds = perf_counter() - started
        if answer != payload:
            raise RemoteProtocolError("the answer to a ping differs from what was sent")
        return seconds


@asynccontextmanager
async def ping_stream(connection: Connection) -> AsyncIterator[PingStream]:
    """Open a stream for repeated pings.

    Raises:
        ProtocolNotSupported: the peer does not answer pings.
    """
    async with connection.open_stream(PING_PROTOCOL) as stream:
        yield PingStream(stream)


async def ping(connection: Connection) -> float:
    """Return the time of one round trip, in seconds.

    Raises:
        ProtocolNotSupported: the peer does not answer pings.
        RemoteProtocolError: something else came back.
        ConnectionLost: the connection ended meanwhile.
    """
    async with ping_stream(connection) as pings:
        return await pings.ping()


async def ping_handler(stream: Stream) -> None:
    """Answer pings until the peer ends the stream; an idle stream stays open."""
    stream.counts_as_use = False
    while data := await stream.read(PING_BYTES):
        if len(data) < PING_BYTES:
            data += await stream.read_exactly(PING_BYTES - len(data))
        await stream.write(data)
