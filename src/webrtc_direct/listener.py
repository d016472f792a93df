"""Listening: authenticates whoever connects, and serves their streams."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.authentication import authenticate
from webrtc_direct.certificate import Certificate
from webrtc_direct.connection import Connection, Handler, LocalEnd, StepTimes, connected
from webrtc_direct.dialer import default_platform
from webrtc_direct.errors import HandshakeError
from webrtc_direct.identity import KeyPair
from webrtc_direct.interfaces import reachable_addresses
from webrtc_direct.limits import Limits
from webrtc_direct.multiaddr import WebRtcDirectAddress
from webrtc_direct.platform.base import ListenParameters
from webrtc_direct.protocol.noise import NoiseKeys
from webrtc_direct.protocols.defaults import with_defaults
from webrtc_direct.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from anyio.abc import TaskGroup

    from webrtc_direct.identity import PeerId
    from webrtc_direct.platform.base import CloseReason, PeerConnection, Platform, PlatformListener

logger = logging.getLogger("webrtc_direct.listen")


class Listener:
    """Takes connections at ``addresses`` until the end of its ``async with`` block.

    ``on_connected`` and ``on_disconnected`` may be set to functions that are called with
    each authenticated connection, and with it and the reason when it has ended.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        identity: KeyPair,
        keys: NoiseKeys,
        handlers: dict[str, Handler],
        limits: Limits,
        addresses: Iterable[WebRtcDirectAddress],
    ) -> None:
        self.on_connected: Callable[[Connection], object] | None = None
        self.on_disconnected: Callable[[Connection, CloseReason], object] | None = None
        self._tasks = tasks
        self._keys = keys
        self._handlers = handlers
        self._local = LocalEnd(identity, limits, handlers, tuple(addresses))
        self._connections: set[Connection] = set()
        self._closing = False

    def __repr__(self) -> str:
        return f"<Listener {self.peer_id}, {len(self._connections)} connections>"

    @property
    def addresses(self) -> list[str]:
        """The multiaddrs to dial, with certhash and peer id.

        In place of a wildcard (``0.0.0.0``, ``::``) stand the loopback address and the one
        that this machine's default route uses.
        """
        return [str(address) for address in self._local.addresses]

    @property
    def peer_id(self) -> PeerId:
        """The identity that this listener proves."""
        return self._local.identity.peer_id

    @property
    def connections(self) -> list[Connection]:
        """The authenticated connections of now."""
        return list(self._connections)

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve *protocol* with *handler* from now on, on the connections of now as well."""
        self._handlers[protocol] = handler

    async def accept(self, listener: PlatformListener) -> None:
        """Serve the connections of *listener* until it is closed."""
        while True:
            try:
                peer = await listener.accept()
            except anyio.ClosedResourceError:
                return
            if self._closing:
                peer.abort()
            else:
                self._tasks.start_soon(self._serve, peer, name="webrtc_direct connection")

    async def aclose(self) -> None:
        """Close every connection gracefully, within ``Limits.close_timeout``, and take no more."""
        self._closing = True
        async with anyio.create_task_group() as closing:
            for connection in self._connections:
                closing.start_soon(connection.aclose)

    async def _serve(self, peer: PeerConnection) -> None:
        started = perf_counter()
        limits = self._local.limits
        try:
            public_key = await authenticate(peer, self._keys, limits=limits, seconds=limits.noise_timeout)
        except HandshakeError as error:
            logger.debug("%s port %d did not authenticate: %s", *peer.remote, error)
            return
        below = peer.times
        times = StepTimes(ice=below.ice, dtls=below.dtls, sctp=below.sctp, noise=perf_counter() - started)
        async with connected(peer, self._local, public_key=public_key, times=times) as connection:
            if self._closing:
                return
            self._connections.add(connection)
            try:
                self._tell(self.on_connected, connection)
                reason = await connection.wait_closed()
            finally:
                self._connections.discard(connection)
        self._tell(self.on_disconnected, connection, reason)

    def _tell(self, hook: Callable[..., object] | None, *arguments: object) -> None:
        if hook is None:
            return
        try:
            hook(*arguments)
        except Exception:
            logger.exception("a hook of %r failed", self)


@asynccontextmanager
async def listen(
    address: str | Sequence[str],
    *,
    identity: KeyPair | None = None,
    certificate: Certificate | None = None,
    handlers: Mapping[str, Handler] | None = None,
    limits: Limits | None = None,
    platform: Platform | None = None,
) -> AsyncIterator[Listener]:
    """Take connections at *address* (one or several), for ``async with``.

    An address is like ``/ip4/0.0.0.0/udp/4001/webrtc-direct``; port 0 lets the system choose.
    Identity and certificate are fresh ones unless given: keep both to keep the address.
    *handlers* serve the streams that peers open, by protocol; ping and identify are always
    served. A handler that raises resets its stream, and harms nothing else.

    The end of the block closes every connection gracefully, within ``Limits.close_timeout``;
    a handler that still runs as long after that is cancelled. An exception aborts all at
    once, and comes out as it is.

    Raises:
        AddressError: *address* is not one to listen on.
        OSError: it cannot be bound.

    Example::

        address = "/ip4/0.0.0.0/udp/4001/webrtc-direct"
        async with webrtc_direct.listen(address, handlers={"/chat/1": chat}) as listener:
            print(listener.addresses)
            await anyio.sleep_forever()
    """
    texts = [address] if isinstance(address, str) else list(address)
    if not texts:
        raise ValueError("listen needs at least one address")
    wanted = [WebRtcDirectAddress.parse_listen(text) for text in texts]
    identity = identity or KeyPair.generate()
    certificate = certificate or Certificate.generate()
    limits = limits or Limits()
    platform = platform or default_platform()
    keys = await NoiseKeys.create(identity)
    async with task_group() as tasks:
        sockets: list[PlatformListener] = []
        try:
            for each in wanted:
                parameters = ListenParameters(str(each.ip), each.port, certificate, limits)
                sockets.append(await platform.listen(tasks, parameters))
            addresses = [
                WebRtcDirectAddress(ip, bound.port, certificate.fingerprint, identity.peer_id)
                for each, bound in zip(wanted, sockets, strict=True)
                for ip in reachable_addresses(each.ip)
            ]
            async with task_group() as serving:
                listener = Listener(
                    serving,
                    identity=identity,
                    keys=keys,
                    handlers=with_defaults(handlers),
                    limits=limits,
                    addresses=addresses,
                )
                for bound in sockets:
                    serving.start_soon(listener.accept, bound, name="webrtc_direct accept")
                yield listener
                await listener.aclose()
                _close_all(sockets)
            with anyio.move_on_after(limits.close_timeout):
                for bound in sockets:
                    await bound.wait_closed()
        finally:
            _close_all(sockets)
        tasks.cancel_scope.cancel()


def _close_all(sockets: Iterable[PlatformListener]) -> None:
    for bound in sockets:
        bound.close()
