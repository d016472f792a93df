"""A connection as py-libp2p's ``IMuxedConn``: authenticated and with streams, so nothing is upgraded."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import trio
from libp2p.abc import IMuxedConn
from libp2p.connection_types import ConnectionType
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable, MuxedStreamError
from multiaddr import Multiaddr

from webrtc_direct.address.multiaddr import ip_text
from webrtc_direct.errors import LimitExceeded
from webrtc_direct.handshake.roles import Role
from webrtc_direct.libp2p.stream import MuxedStream
from webrtc_direct.platform.closing import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.streams.stream import Stream


class Accepted:
    """The streams that the peer has opened and py-libp2p has not taken, up to ``Limits.max_channels``."""

    def __init__(self, limits: Limits) -> None:
        # Those that the peer has reset are among them, and count for the connection no more.
        self._send, self._receive = trio.open_memory_channel["Stream"](limits.max_channels)

    def put(self, stream: Stream) -> None:
        """Take a stream (``OnStream``)."""
        try:
            self._send.send_nowait(stream)
        except trio.WouldBlock:
            stream.connection.refuse("max_channels")
            stream.reset()

    async def get(self) -> Stream:
        """Return the next stream. Raises trio.EndOfChannel after the last one."""
        return await self._receive.receive()

    def end(self) -> None:
        """No more will come."""
        self._send.close()


class MuxedConn(IMuxedConn):
    """*connection*, for py-libp2p, whose Swarm sets ``swarm``, ``remove_stream`` and ``on_close`` on it."""

    on_close: Callable[[], Awaitable[None]] | None = None

    def __init__(self, connection: Connection, accepted: Accepted) -> None:
        self.peer_id: ID = ID(connection.peer_id.multihash)
        self.event_started: trio.Event = trio.Event()
        self._connection = connection
        self._accepted = accepted
        self._asked_to_close = trio.Event()

    @property
    def is_initiator(self) -> bool:
        """Whether this end has dialed."""
        return self._connection.role is Role.CLIENT

    @property
    def is_established(self) -> bool:
        """Whether streams can be opened."""
        return not self.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether it has ended, or this end closes it."""
        return self._asked_to_close.is_set() or not self._connection.is_open

    async def run(self) -> None:
        """Return when the connection has ended; ``close`` lets this end it."""

        async def close_when_asked() -> None:
            """Whoever asks may be cancelled, and what was written shall arrive all the same."""
            await self._asked_to_close.wait()
            await self._connection.aclose()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(close_when_asked)
            await self._connection.wait_closed()
            nursery.cancel_scope.cancel()
        self._accepted.end()

    async def start(self) -> None:
        """Return when the connection has ended, after ``on_close``. Cancelled, it closes the connection.

        A Swarm that ends cancels this, and has no time to close anything by then.
        """
        self.event_started.set()
        try:
            await self._connection.wait_closed()
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                await self.close()
            raise
        if self.on_close is not None:
            await self.on_close()

    async def close(self) -> None:
        """Deliver what was written, and end the connection, within ``Limits.close_timeout``."""
        self._asked_to_close.set()
        await self._connection.wait_closed()

    async def open_stream(self) -> MuxedStream:
        """Open a stream.

        Raises:
            MuxedConnUnavailable: the connection has ended.
            MuxedStreamError: it has as many streams as the limits allow.
        """
        try:
            return MuxedStream(self, await self._connection.open_raw_stream())
        except ConnectionLost as error:
            raise MuxedConnUnavailable(str(error)) from error
        except LimitExceeded as error:
            raise MuxedStreamError(str(error)) from error

    async def accept_stream(self) -> MuxedStream:
        """Return the next stream that the peer opens.

        Raises:
            MuxedConnUnavailable: the connection has ended.
        """
        try:
            return MuxedStream(self, await self._accepted.get())
        except trio.EndOfChannel as error:
            raise MuxedConnUnavailable("the connection has ended") from error

    def get_transport_addresses(self) -> list[Multiaddr]:
        """Where the peer is."""
        host, port = self._connection.remote
        return [Multiaddr(f"{ip_text(ip_address(host))}/udp/{port}/webrtc-direct")]

    def get_connection_type(self) -> ConnectionType:
        """No relay is in between."""
        return ConnectionType.DIRECT

    def get_remote_address(self) -> tuple[str, int] | None:
        """IP address and UDP port of the peer."""
        return self._connection.remote
