"""Streams and connections of py-libp2p, for the steps of ``dial`` and ``listen`` that use webrtc-direct's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

import trio
from libp2p.abc import INotifee
from libp2p.host.exceptions import StreamFailure
from libp2p.network.stream import exceptions

from webrtc_direct import StreamReset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from libp2p.abc import IHost, INetConn, INetStream, INetwork
    from libp2p.peer.id import ID
    from multiaddr import Multiaddr

_READ_SIZE = 65536


def words_of(error: BaseException) -> str:
    """Return what an error and its causes say; some of py-libp2p's have no words."""
    words = []
    cause: BaseException | None = error
    while cause is not None:
        words.append(str(cause))
        cause = cause.__cause__
    return ": ".join(filter(None, dict.fromkeys(words)))


class Stream:
    """A stream of py-libp2p. In a block it is closed at the end, or reset by an error."""

    def __init__(self, stream: INetStream, connection: Connection) -> None:
        self._stream = stream
        self._given_up = False
        self.connection = connection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._given_up:
            await self._stream.close()
        else:
            with trio.CancelScope(shield=True):
                await self._stream.reset()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if data := await self.read(_READ_SIZE):
            return data
        raise StopAsyncIteration

    async def read(self, size: int) -> bytes:
        """Return what has come; nothing at the end."""
        try:
            return await self._stream.read(size)
        except exceptions.StreamEOF:
            return b""
        except exceptions.StreamReset as error:
            raise StreamReset(words_of(error)) from error

    async def read_exactly(self, size: int) -> bytes:
        """Return *size* bytes."""
        data = b""
        while len(data) < size:
            more = await self.read(size - len(data))
            if not more:
                raise EOFError(f"the stream ended after {len(data)} of {size} bytes")
            data += more
        return data

    async def write(self, data: bytes) -> None:
        """Send *data*."""
        try:
            await self._stream.write(data)
        except exceptions.StreamReset as error:
            raise StreamReset(words_of(error)) from error

    async def close_write(self) -> None:
        """End what this end sends."""
        await self._stream.close_write()

    def reset(self) -> None:
        """Give the stream up, at the end of the block: py-libp2p's own is to be awaited."""
        self._given_up = True


class Connection:
    """The connection to a peer; py-libp2p opens streams and disconnects by the peer's id."""

    def __init__(self, host: IHost, peer_id: ID, version: str = "") -> None:
        self.peer_id = peer_id
        self.version = version
        """As it was asked for: py-libp2p does not tell it."""
        self.ended = trio.Event()
        self._host = host

    @asynccontextmanager
    async def open_stream(self, protocol: str) -> AsyncIterator[Stream]:
        """Open a stream, for a block."""
        try:
            stream = await self._host.new_stream(self.peer_id, [protocol])
        except StreamFailure as error:
            raise ConnectionError(words_of(error)) from error
        async with Stream(stream, self) as opened:
            yield opened

    async def aclose(self) -> None:
        """End it."""
        await self._host.disconnect(self.peer_id)

    async def wait_closed(self) -> None:
        """Return when py-libp2p has told that it ended."""
        await self.ended.wait()


class Watch(INotifee):
    """Tells when connections begin and end; what else py-libp2p has to say is ignored."""

    def __init__(self, *, begun: Callable[[INetConn], None], ended: Callable[[INetConn], None]) -> None:
        self._begun = begun
        self._ended = ended

    async def connected(self, network: INetwork, conn: INetConn) -> None:  # noqa: ARG002 - py-libp2p's interface
        """Begun."""
        self._begun(conn)

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:  # noqa: ARG002 - py-libp2p's interface
        """Ended."""
        self._ended(conn)

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        """Ignored, as all that follow."""

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        """Ignored."""

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Ignored."""

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Ignored."""
