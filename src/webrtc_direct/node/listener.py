"""Listening: authenticates whoever connects, and serves their streams."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from inspect import isawaitable
from time import perf_counter
from typing import TYPE_CHECKING, cast

import anyio

from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.bounds.limits import Limits
from webrtc_direct.bounds.refusals import Refusals
from webrtc_direct.connection.authentication import authenticate
from webrtc_direct.connection.connection import Connection, LocalEnd, StepTimes, connected
from webrtc_direct.connection.handlers import Handler, Handlers, OnStream
from webrtc_direct.errors import AddressError, HandshakeError, HandshakeTimeout
from webrtc_direct.handshake.noise import NoiseKeys
from webrtc_direct.identity.identity import KeyPair, PeerId
from webrtc_direct.node.interfaces import reachable_addresses
from webrtc_direct.node.sockets import Sockets
from webrtc_direct.platform import default_platform
from webrtc_direct.platform.base import FailedHandshakes, ListenParameters
from webrtc_direct.protocols.defaults import with_defaults
from webrtc_direct.protocols.keep_alive import keep_alive_every
from webrtc_direct.runtime.hosted import hosted
from webrtc_direct.runtime.tasks import task_group
from webrtc_direct.runtime.user_code import call_hook, contained

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from anyio.abc import TaskGroup

    from webrtc_direct.identity.certificate import Certificate
    from webrtc_direct.platform.base import (
        ListenerCounters,
        LocalCertificate,
        PeerConnection,
        Platform,
        PlatformListener,
    )
    from webrtc_direct.platform.closing import CloseReason

logger: logging.Logger = logging.getLogger("webrtc_direct.listen")

AcceptHook = Callable[[tuple[str, int], PeerId | None], bool | Awaitable[bool]]
"""Says whether to take a connection from (IP address, port): asked with ``None`` before the Noise
handshake, and with the peer id once that is proved."""


@dataclass(frozen=True)
class _Policy:
    """How a listener treats those who connect."""

    accept: AcceptHook | None
    on_stream: OnStream | None
    background: tuple[Callable[[Connection], Awaitable[None]], ...]


class Listener:
    """Accepts connections at ``addresses`` until the end of its ``async with`` block.

    Set ``on_connected`` to a function that is called with each authenticated connection, and
    ``on_disconnected`` to one that is called with the connection and the reason when it has ended.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        identity: KeyPair,
        keys: NoiseKeys,
        handlers: Handlers,
        limits: Limits,
        addresses: Iterable[WebRtcDirectAddress],
        sockets: Sockets,
        policy: _Policy,
        refusals: Refusals,
    ) -> None:
        self.on_connected: Callable[[Connection], object] | None = None
        self.on_disconnected: Callable[[Connection, CloseReason], object] | None = None
        self._tasks = tasks
        self._keys = keys
        self._handlers = handlers
        self._sockets = sockets
        self._policy = policy
        self._local = LocalEnd(identity, limits, handlers, refusals, tuple(addresses), policy.on_stream)
        self._connections: set[Connection] = set()
        self._closing = False
        self._accepting = True
        self._failed: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Listener {self.peer_id}, {len(self._connections)} connections>"

    @property
    def addresses(self) -> list[str]:
        """The multiaddrs to dial, with certhash and peer id: the announced ones, if there are any.

        For a wildcard (``0.0.0.0``, ``::``) these are the loopback address and the address of
        this machine's default route.
        """
        return [str(address) for address in self._local.addresses]

    @property
    def bound(self) -> list[tuple[str, int]]:
        """IP address and UDP port of each socket."""
        return [(str(address.ip), socket.port) for socket, address in self._sockets.bound.items()]

    @property
    def missing(self) -> dict[str, OSError]:
        """The addresses that could not be bound, and why: none unless ``allow_missing`` was set."""
        return dict(self._sockets.missing)

    @property
    def peer_id(self) -> PeerId:
        """The identity that this listener proves."""
        return self._local.identity.peer_id

    @property
    def connections(self) -> list[Connection]:
        """The current authenticated connections."""
        return list(self._connections)

    @property
    def refusals(self) -> dict[str, int]:
        """How often each limit has refused something, by the name of its field in ``Limits``."""
        return dict(self._local.refusals.counts)

    def counters(self) -> ListenerCounters:
        """Return what all sockets together have accepted and dropped so far."""
        return self._sockets.counters(self._failed)

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve *protocol* with *handler* from now on, also on current connections.

        A *protocol* that ends in ``*`` stands for all that begin like it; ``Connection.handle`` says
        which handler is chosen.
        """
        self._handlers.add(protocol, handler)

    def unhandle(self, protocol: str) -> None:
        """Stop serving *protocol*, also on current connections; open streams continue.

        Raises:
            LocalProtocolError: it has no handler with that name; a node's are the node's to remove.
        """
        self._handlers.remove(protocol)

    def stop_accepting(self) -> None:
        """Refuse new connections from now on; existing ones stay."""
        self._accepting = False

    async def accept(self, listener: PlatformListener) -> None:
        """Serve the connections of *listener* until it is closed."""
        while True:
            try:
                peer = await listener.accept()
            except anyio.ClosedResourceError:
                return
            if not self._accepting:
                peer.abort()
            else:
                self._tasks.start_soon(self._serve, peer, name="webrtc_direct connection")
            # The next one may be long in coming, and this one must not live as long.
            del peer

    async def aclose(self) -> None:
        """Accept no more connections, and close all gracefully, within ``Limits.close_timeout``."""
        self._closing = True
        self.stop_accepting()
        async with anyio.create_task_group() as closing:
            for connection in self._connections:
                closing.start_soon(connection.aclose)

    async def _serve(self, peer: PeerConnection) -> None:
        if not await self._accepts(peer, None):
            return
        started = perf_counter()
        limits = self._local.limits
        try:
            public_key = await authenticate(peer, self._keys, limits=limits, seconds=limits.noise_timeout)
        except HandshakeError as error:
            timeout = isinstance(error, HandshakeTimeout)
            reason = "noise_timeout" if timeout else "noise_other"
            self._failed[reason] += 1
            _log_failed(FailedHandshakes(reason, 1, peer.remote, str(error)))
            self._local.refusals.count("noise_timeout" if timeout else error.limit)
            return
        if not await self._accepts(peer, public_key.peer_id):
            return
        peer.authenticated()
        below = peer.times
        times = StepTimes(ice=below.ice, dtls=below.dtls, sctp=below.sctp, noise=perf_counter() - started)
        async with connected(
            peer, self._local, public_key=public_key, times=times, background=self._policy.background
        ) as connection:
            if self._closing:
                return
            self._connections.add(connection)
            try:
                self._tell(self.on_connected, connection)
                await connection.serve_streams()
            finally:
                self._connections.discard(connection)
        self._tell(self.on_disconnected, connection, await connection.wait_closed())

    async def _accepts(self, peer: PeerConnection, peer_id: PeerId | None) -> bool:
        """Ask the hook; *peer* is aborted where it refuses, fails or takes too long."""
        hook, accepted = self._policy.accept, False
        if hook is None:
            return True

        def failed(error: BaseException) -> None:
            logger.error("the accept hook of %r failed; the connection is refused", self, exc_info=error)

        try:
            with contained(failed), anyio.move_on_after(self._local.limits.noise_timeout):
                answer = hook(peer.remote, peer_id)
                accepted = await answer if isawaitable(answer) else answer
        finally:
            if not accepted:
                peer.abort()
        if not accepted:
            logger.info("%s port %d (%s) was not accepted", *peer.remote, peer_id or "before Noise")
        return accepted

    def _tell(self, hook: Callable[..., object] | None, *arguments: object) -> None:
        call_hook(hook, *arguments, owner=self, logger=logger)


@hosted
async def listen(
    address: object,
    *,
    identity: KeyPair | None = None,
    certificate: Certificate | None = None,
    handlers: Mapping[str, Handler] | None = None,
    on_stream: OnStream | None = None,
    announce: Sequence[str] = (),
    accept: AcceptHook | None = None,
    keep_alive: float | None = None,
    allow_missing: bool = False,
    limits: Limits | None = None,
    platform: Platform | None = None,
) -> AsyncIterator[Listener]:
    """Accept connections at *address*, or at each of a sequence of addresses, for ``async with``.

    An address is like ``/ip4/0.0.0.0/udp/4001/webrtc-direct``, as text or as an object whose ``str()`` is
    one. Port 0 lets the system choose. By default the identity and the certificate are new ones; pass the
    same two each time to keep the address. *handlers* serve the streams that peers open, by protocol; ping
    and identify are always served. A handler that raises resets its stream and affects nothing else.
    *on_stream* takes all these streams instead, before any protocol is agreed on.

    *announce* lists addresses, like *address*, that peers are told instead of the bound ones, for
    example behind a NAT or with ``0.0.0.0``; port 0 stands for the bound port. *accept* is called
    twice for each connection, with ``((ip, port), None)`` before the Noise handshake and with
    ``((ip, port), peer_id)`` after it, and returns whether to accept the connection. It may be async.
    Other connections are aborted. With *keep_alive*, each peer is pinged at this interval in seconds,
    and its connection ends if it does not answer.

    If one of several addresses cannot be bound, for example because this machine has no IPv6, none is.
    With *allow_missing* the others are bound, and ``Listener.missing`` and a warning in the log name
    those that are not; ``listen`` then fails only if none can be bound.

    The end of the block closes every connection gracefully, within ``Limits.close_timeout``; handlers
    that are still running after the same time again are cancelled. An exception aborts all connections
    at once, and leaves the block unchanged.

    Raises:
        AddressError: *address* is not one to listen on, or one of *announce* not one to dial.
        OSError: it cannot be bound. Its ``errno`` says why, and its ``filename`` is the address.
        LocalProtocolError: this is a browser, which cannot listen.

    Example::

        address = "/ip4/0.0.0.0/udp/4001/webrtc-direct"
        async with webrtc_direct.listen(address, handlers={"/chat/1": chat}) as listener:
            print(listener.addresses)
            await anyio.sleep_forever()
    """
    is_single = isinstance(address, str) or not isinstance(address, Sequence)
    texts = [address] if is_single else list(cast("Sequence[object]", address))
    if not texts:
        raise ValueError("listen needs at least one address")
    wanted = [WebRtcDirectAddress.parse_listen(text) for text in texts]
    announced = [_parse_announced(text) for text in announce]
    policy = _Policy(accept, on_stream, keep_alive_every(keep_alive))
    identity = identity or KeyPair.generate()
    platform = platform or default_platform()
    own: LocalCertificate = certificate or await platform.make_certificate()
    limits = limits or Limits()
    refusals = Refusals(limits)
    keys = await NoiseKeys.of(identity)
    async with task_group() as tasks:
        sockets = Sockets()

        async def bind(each: WebRtcDirectAddress) -> PlatformListener:
            """A socket of the platform at this address."""
            parameters = ListenParameters(str(each.ip), each.port, own, limits, refusals.refuse, _log_failed)
            return await platform.listen(tasks, parameters)

        try:
            for each in wanted:
                await sockets.bind(each, bind, may_fail=allow_missing)
            sockets.require_one()
            async with task_group() as serving:
                listener = Listener(
                    serving,
                    identity=identity,
                    keys=keys,
                    handlers=with_defaults(handlers),
                    limits=limits,
                    addresses=[
                        replace(each, fingerprint=own.fingerprint, peer_id=identity.peer_id)
                        for each in _reachable(list(sockets.bound.values()), sockets.ports, announced)
                    ],
                    sockets=sockets,
                    policy=policy,
                    refusals=refusals,
                )
                for bound in sockets.bound:
                    serving.start_soon(listener.accept, bound, name="webrtc_direct accept")
                logger.info("%r on %s", listener, ", ".join(listener.addresses))
                for error in sockets.missing.values():
                    logger.warning("%r continues without %s: %s", listener, error.filename, error.strerror)
                yield listener
                logger.info("%r accepts no more connections", listener)
                await listener.aclose()
                sockets.close()
            with anyio.move_on_after(limits.close_timeout):
                await sockets.wait_closed()
        finally:
            sockets.close()
        tasks.cancel_scope.cancel()


def _log_failed(failed: FailedHandshakes) -> None:
    logger.info(
        "%s port %d: the handshake failed (%s, %d since the last line): %r",
        *failed.remote,
        failed.reason,
        failed.count,
        failed.detail,
    )


def _parse_announced(text: str) -> WebRtcDirectAddress:
    address = WebRtcDirectAddress.parse_listen(text)
    if address.ip.is_unspecified:
        family = f"ip{address.ip.version}"
        raise AddressError(
            component=family, value=text, problem="nobody can dial this address; announce another"
        )
    return address


def _reachable(
    bound: Sequence[WebRtcDirectAddress], ports: Sequence[int], announced: Sequence[WebRtcDirectAddress]
) -> list[WebRtcDirectAddress]:
    """Return where others reach the sockets that are *bound*, to these *ports*."""
    both = list(zip(bound, ports, strict=True))
    if not announced:
        return [WebRtcDirectAddress(ip, port) for each, port in both for ip in reachable_addresses(each.ip)]
    # For port 0: the first socket of the same family, or else the first one.
    by_family = {each.ip.version: port for each, port in reversed(both)}
    return [
        WebRtcDirectAddress(each.ip, each.port or by_family.get(each.ip.version, ports[0]))
        for each in announced
    ]
