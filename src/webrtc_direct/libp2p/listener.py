"""A listener as py-libp2p's ``IListener``: it gives each authenticated connection to py-libp2p's handler."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import trio
from libp2p.abc import IListener
from libp2p.transport.exceptions import OpenConnectionError
from multiaddr import Multiaddr

from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.errors import AddressError
from webrtc_direct.libp2p.connection import Accepted, MuxedConn
from webrtc_direct.node.listener import listen
from webrtc_direct.runtime.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup
    from libp2p.custom_types import THandler
    from libp2p.io.abc import ReadWriteCloser

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.identity.certificate import Certificate
    from webrtc_direct.identity.identity import KeyPair
    from webrtc_direct.libp2p.home import Home
    from webrtc_direct.node.listener import Listener
    from webrtc_direct.platform.closing import CloseReason
    from webrtc_direct.streams.stream import Stream

logger: logging.Logger = logging.getLogger("webrtc_direct.libp2p")


@dataclass(frozen=True)
class ListenOptions:
    """What all listeners of a transport share."""

    identity: KeyPair
    certificate: Certificate
    announce: tuple[str, ...]
    limits: Limits


class WebRtcDirectListener(IListener):
    """Listens at each address that it is told, until ``close`` or the end of ``background_nursery``."""

    background_nursery: trio.Nursery | None = None
    """What the Swarm sets, and cancels in the end."""

    def __init__(self, home: Home, options: ListenOptions, handler: THandler) -> None:
        self._home = home
        self._options = options
        self._handler = handler
        self._listeners: list[Listener] = []
        self._closing = trio.Event()
        self._changed = trio.Condition()

    async def listen(self, maddr: Multiaddr) -> None:
        """Take connections at *maddr*.

        Raises:
            OpenConnectionError: it is not an address to listen on, or the listener is closed.
            OSError: it cannot be bound.
        """
        if self._closing.is_set():
            raise OpenConnectionError(f"cannot listen on {maddr}: the listener is closed")
        try:
            await self._home.start(partial(self._hold, str(maddr)))
        except (AddressError, trio.ClosedResourceError) as error:
            raise OpenConnectionError(f"cannot listen on {maddr}: {error}") from error
        if self.background_nursery is not None:
            self.background_nursery.start_soon(self._close_in_the_end, name="webrtc_direct.libp2p end")

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        """Where to dial it, with the hash of its certificate. py-libp2p adds the peer id."""
        return tuple(
            Multiaddr(str(replace(WebRtcDirectAddress.parse(address), peer_id=None)))
            for listener in self._listeners
            for address in listener.addresses
        )

    async def close(self) -> None:
        """Close all connections gracefully, within ``Limits.close_timeout``, and take no more."""
        self._closing.set()
        async with self._changed:
            while self._listeners:
                await self._changed.wait()

    async def _close_in_the_end(self) -> None:
        """Close it when the Swarm ends, which has no time for that by then."""
        try:
            await self._closing.wait()
        finally:
            with trio.CancelScope(shield=True):
                await self.close()

    async def _hold(self, address: str, started: Callable[[None], None]) -> None:
        serving = _Serving(self._handler)
        options = self._options
        async with (
            task_group() as serving.tasks,
            listen(
                address,
                identity=options.identity,
                certificate=options.certificate,
                on_stream=serving.stream_opened,
                announce=options.announce,
                limits=options.limits,
            ) as listener,
        ):
            listener.on_connected = serving.connected
            listener.on_disconnected = serving.disconnected
            self._listeners.append(listener)
            try:
                started(None)
                await self._closing.wait()
                await listener.aclose()
            finally:
                self._listeners.remove(listener)
        with trio.CancelScope(shield=True):
            async with self._changed:
                self._changed.notify_all()


class _Serving:
    """The connections of one listener, each with a task of py-libp2p's handler."""

    tasks: TaskGroup

    def __init__(self, handler: THandler) -> None:
        self._handler = handler
        self._accepted: dict[Connection, Accepted] = {}

    def connected(self, connection: Connection) -> None:
        """Give *connection* to the handler."""
        self._accepted[connection] = accepted = Accepted(connection.local.limits)
        muxed = MuxedConn(connection, accepted)
        self.tasks.start_soon(self._serve, muxed, name="webrtc_direct.libp2p connection")

    def disconnected(self, connection: Connection, _reason: CloseReason) -> None:
        """Forget *connection*."""
        del self._accepted[connection]

    def stream_opened(self, stream: Stream) -> None:
        """Let py-libp2p accept *stream*."""
        self._accepted[stream.connection].put(stream)

    async def _serve(self, muxed: MuxedConn) -> None:
        async with task_group() as tasks:
            tasks.start_soon(self._handle, muxed)
            await muxed.run()
            # The handler waits for the end of the Swarm, and holds one of its slots meanwhile.
            tasks.cancel_scope.cancel()

    async def _handle(self, muxed: MuxedConn) -> None:
        try:
            # The Swarm takes it for what it is; this type does not know of connections that have streams.
            await self._handler(cast("ReadWriteCloser", muxed))
        except Exception:
            logger.exception("the handler failed; the connection with %s is closed", muxed.peer_id)
            await muxed.close()
