"""Steps 1 to 7: from an address to an authenticated connection."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import anyio

from webrtc_direct import primitives
from webrtc_direct.address.names import NamedAddress, parse_target, resolve
from webrtc_direct.bounds.limits import Limits
from webrtc_direct.bounds.refusals import Refusals
from webrtc_direct.connection.authentication import authenticate
from webrtc_direct.connection.connection import Connection, LocalEnd, StepTimes, connected
from webrtc_direct.connection.handlers import Handler, OnStream
from webrtc_direct.errors import AddressError, HandshakeError, HandshakeTimeout
from webrtc_direct.handshake.errors import VersionNotPossible
from webrtc_direct.handshake.noise import NoiseKeys, fresh_key
from webrtc_direct.handshake.sdp import make_session
from webrtc_direct.identity.identity import KeyPair
from webrtc_direct.node.race import Race
from webrtc_direct.platform import default_platform
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.protocols.defaults import with_defaults
from webrtc_direct.protocols.keep_alive import keep_alive_every
from webrtc_direct.runtime.hosted import hosted
from webrtc_direct.runtime.outside_tasks import Signal, clock
from webrtc_direct.runtime.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from anyio.abc import TaskGroup

    from webrtc_direct.address.multiaddr import WebRtcDirectAddress
    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.identity.certificate import Certificate
    from webrtc_direct.identity.identity import PeerId, PublicKey
    from webrtc_direct.platform.base import LocalCertificate, PeerConnection, Platform
    from webrtc_direct.primitives import Begun, X25519Key

    Attempt = Callable[[Version, float, Callable[[], None]], Awaitable[PeerConnection]]

logger: logging.Logger = logging.getLogger("webrtc_direct.dial")

DialVersion = Literal["auto", "v1", "v2"]
"""What ``dial`` may be asked for: one version of the handshake, or whichever is answered."""

_NO_NAMES = "a web page cannot look up names: put an IP address (ip4, ip6) in its place"

# With "auto" the other version is tried beside the first one when that was not answered for so long.
_OTHER_AFTER = 1.0


@hosted
async def dial(
    address: object,
    *,
    identity: KeyPair | None = None,
    certificate: Certificate | None = None,
    handlers: Mapping[str, Handler] | None = None,
    on_stream: OnStream | None = None,
    version: DialVersion = "auto",
    timeout: float | None = None,
    limits: Limits | None = None,
    any_peer: bool = False,
    keep_alive: float | None = None,
    platform: Platform | None = None,
) -> AsyncIterator[Connection]:
    """Open an authenticated connection to the server named by *address*, for ``async with``.

    *address* is a multiaddr, as text or as an object whose ``str()`` is one. If it has a name instead of
    an IP address (``/dns4``, ``/dns6``, ``/dns``) or is one (``/dnsaddr``), the name is looked up. All
    addresses that it stands for are tried, IPv6 and IPv4 in turns, each 0.25 s after the one before, or at
    once if that one failed; the first one whose identity is proved wins (RFC 8305). By default the
    identity and the certificate are new ones, so that two dials cannot be linked. *handlers* serve
    streams that the server opens; ping and identify are always served. *on_stream* takes these
    streams instead, before any protocol is agreed on. *timeout* bounds the
    whole handshake, in seconds (default: ``Limits.handshake_timeout``). With *any_peer* the
    address may lack a peer id; then nothing proves who answers. With *keep_alive*, the peer is
    pinged at this interval in seconds, and the connection ends if it does not answer.

    *version* "auto" tries v1 first, because all current listeners support it (the spec prefers
    v2), and starts v2 beside it after a second without an answer. In a browser v2 comes first,
    because a browser may refuse what v1 needs. The first answer wins and the other attempt
    stops, so that the listener sees one connection.

    The end of the block delivers what was written and closes the connection, within
    ``Limits.close_timeout``. An exception aborts it at once, and leaves the block unchanged.

    Raises:
        AddressError: *address* cannot be dialed; nothing was sent.
        NameNotResolved: the name in *address* gives no address that can be dialed.
        CannotSend: this machine cannot send to *address*; raised at once.
        HandshakeTimeout: nobody answered, or a step took too long.
        FingerprintMismatch: the server's certificate is not the one in the address.
        PeerIdMismatch: the server proved another identity.
        VersionNotPossible: the browser refuses what this version needs, and no other one was answered.
        HandshakeError: the handshake failed in another way.

    Example::

        async with webrtc_direct.dial(address) as connection:
            async with connection.open_stream("/echo/1.0.0") as stream:
                await stream.write(b"hello")
    """
    started = perf_counter()
    target = parse_target(address, any_peer=any_peer)
    platform = platform or default_platform()
    limits = limits or Limits()
    timeout = limits.handshake_timeout if timeout is None else timeout
    background = keep_alive_every(keep_alive)
    logger.info("dialing %s, version %s", target, version)
    if isinstance(target, NamedAddress):
        if not platform.resolves_names:
            raise AddressError(component=target.kind, value=target.name, problem=_NO_NAMES)
        seconds = min(timeout, limits.lookup_timeout)
        targets = await resolve(target, any_peer=any_peer, seconds=seconds)
    else:
        targets = [target]
    parsed = perf_counter()
    own: LocalCertificate = certificate or await platform.make_certificate()
    certified = perf_counter()
    dialing = _Dialing(platform, own, identity, limits, version, timeout, started)
    async with task_group() as tasks, AsyncExitStack() as ends:
        reached = await dialing.reach_one(targets, tasks)
        ends.callback(reached.peer.abort)
        times = replace(reached.times, address=parsed - started, certificate=certified - parsed)
        local = LocalEnd(
            reached.identity, limits, with_defaults(handlers), Refusals(limits), on_stream=on_stream
        )
        async with connected(
            reached.peer, local, public_key=reached.public_key, times=times, background=background
        ) as connection:
            del reached
            tasks.start_soon(connection.serve_streams, name="webrtc_direct streams")
            yield connection
        tasks.cancel_scope.cancel()


@dataclass(frozen=True)
class _Reached:
    """A server that has proved its identity, and the identity that it was shown."""

    peer: PeerConnection
    public_key: PublicKey
    identity: KeyPair
    times: StepTimes


@dataclass(frozen=True)
class _Dialing:
    """How to reach a server, at whichever address."""

    platform: Platform
    certificate: LocalCertificate
    identity: KeyPair | None
    limits: Limits
    version: DialVersion
    timeout: float
    began: float

    async def reach_one(self, targets: Sequence[WebRtcDirectAddress], tasks: TaskGroup) -> _Reached:
        """Return the first of *targets* that can be reached. Raises what dial does."""
        if len(targets) == 1:
            # Without a task of its own, which takes turns of a page's event loop.
            return await self.reach(tasks, targets[0])
        race = Race(self.reach, seconds=self._left(), give_back=lambda reached: reached.peer.abort())
        return await race.run(targets, tasks)

    async def reach(self, tasks: TaskGroup, target: WebRtcDirectAddress) -> _Reached:
        """Return the server at *target*, authenticated. Raises what dial does."""
        prepared = _Preparation(self.identity)

        async def attempt(version: Version, seconds: float, on_answer: Callable[[], None]) -> PeerConnection:
            """Connect with one version of the handshake."""

            def answered() -> None:
                """The peer is there: now DTLS is waited for."""
                prepared.begin()
                on_answer()

            own = self.certificate
            session = make_session(target, version=version, certificate_fingerprint=own.fingerprint)
            parameters = ConnectParameters(session, own, self.limits, seconds, answered)
            try:
                return await self.platform.connect(tasks, parameters)
            except HandshakeTimeout as error:
                # Some of the time was gone before.
                raise HandshakeTimeout(error.step, self.timeout, address=error.address) from None

        left = self._left()
        if left <= 0:
            raise HandshakeTimeout("ice", self.timeout, address=(str(target.ip), target.port))
        try:
            peer = await _Attempts(attempt, self.platform.versions, left).connect(self.version, tasks)
            return await self._authenticate(peer, prepared, target.peer_id)
        finally:
            prepared.cancel()

    def _left(self) -> float:
        return max(0.0, self.began + self.timeout - perf_counter())

    async def _authenticate(
        self, peer: PeerConnection, prepared: _Preparation, expected: PeerId | None
    ) -> _Reached:
        below = perf_counter()
        left = min(self.limits.noise_timeout, self._left())
        try:
            identity, keys, ephemeral = await prepared.result()
        except BaseException:
            peer.abort()
            raise
        public_key = await authenticate(
            peer, keys, limits=self.limits, seconds=left, expected=expected, ephemeral=ephemeral
        )
        noise = perf_counter() - below
        times = StepTimes(ice=peer.times.ice, dtls=peer.times.dtls, sctp=peer.times.sctp, noise=noise)
        return _Reached(peer, public_key, identity, times)


class _Attempts:
    """One version of the handshake, or both until the first answer to either, within *seconds*."""

    def __init__(self, attempt: Attempt, versions: tuple[Version, Version], seconds: float) -> None:
        self._attempt = attempt
        self._first, self._other = versions
        self._seconds = seconds
        self._clock = clock()
        self._deadline = self._clock() + seconds
        self._scopes: dict[Version, anyio.CancelScope] = {
            "v1": anyio.CancelScope(),
            "v2": anyio.CancelScope(),
        }
        self._answered: Version | None = None
        self._peer: PeerConnection | None = None
        self._error: HandshakeError | None = None
        self._impossible: VersionNotPossible | None = None
        self._other_begun = False
        self._other_over = Signal()

    async def connect(self, version: DialVersion, tasks: TaskGroup) -> PeerConnection:
        """Return the connection. The other attempt is a task of *tasks*. Raises HandshakeError."""
        if version != "auto":
            return await self._attempt(version, self._seconds, lambda: None)
        tasks.start_soon(self._try_other_later, name=f"webrtc_direct dial {self._other}")
        # Not in a task of its own: to wait for the end of one takes some turns of a page's event loop.
        await self._run(self._first)
        if self._peer is None:
            await self._try_other()
            await self._wait_for_other()
        # The connection knows this object by its on_answer: with one reference less there is no cycle.
        peer, self._peer = self._peer, None
        if peer is not None:
            return peer
        error, self._error = self._error, None
        impossible, self._impossible = self._impossible, None
        try:
            # That nobody answered says less than why the other version could not be tried.
            if impossible is not None and (error is None or isinstance(error, HandshakeTimeout)):
                raise impossible
            raise error or AssertionError("neither connected nor failed")
        finally:
            # A local variable that holds the exception would be a reference cycle.
            del error, impossible

    async def _try_other_later(self) -> None:
        # Where it is not needed any more, to end this at once would take turns from the handshake.
        await anyio.sleep(_OTHER_AFTER)
        await self._try_other()

    async def _try_other(self) -> None:
        """Try the other version, unless that was begun before, or the first one was answered."""
        if self._other_begun:
            return
        self._other_begun = True
        try:
            if self._answered is None and self._error is None and self._clock() < self._deadline:
                await self._run(self._other)
        finally:
            self._other_over.set()

    async def _wait_for_other(self) -> None:
        try:
            await self._other_over.wait()
        except BaseException:
            if self._peer is not None:
                self._peer.abort()
            raise

    async def _run(self, version: Version) -> None:
        seconds = max(0.0, self._deadline - self._clock())
        with self._scopes[version]:
            try:
                peer = await self._attempt(version, seconds, lambda: self._answer(version))
            except VersionNotPossible as error:
                # That is between this end and its platform; the peer may answer the other version.
                self._impossible = error
                return
            except HandshakeError as error:
                self._fail(error)
                return
            self._answer(version)
            if self._answered == version:
                self._peer = peer
            else:
                peer.abort()

    def _answer(self, version: Version) -> None:
        if self._answered is None:
            self._answered = version
            if self._other_begun:
                self._scopes["v2" if version == "v1" else "v1"].cancel()

    def _fail(self, error: HandshakeError) -> None:
        if self._error is None:
            self._error = error
        for scope in self._scopes.values():
            scope.cancel()


class _Preparation:
    """The identity, if none is given, and the Noise keys: made while DTLS is waited for."""

    def __init__(self, identity: KeyPair | None) -> None:
        self._identity = identity
        self._begun: Begun[tuple[KeyPair, NoiseKeys, X25519Key]] | None = None

    def begin(self) -> None:
        """Begin, unless that has been done: not at once, for in a page it takes time from what sends."""
        if self._begun is None:
            self._begun = primitives.begin(self._make())

    async def result(self) -> tuple[KeyPair, NoiseKeys, X25519Key]:
        """Return them, once they are made."""
        self.begin()
        if self._begun is None:
            raise AssertionError("it has begun")
        return await self._begun

    def cancel(self) -> None:
        """Nobody wants them any more."""
        if self._begun is not None:
            self._begun.cancel()

    async def _make(self) -> tuple[KeyPair, NoiseKeys, X25519Key]:
        identity = self._identity or await KeyPair.create()
        return identity, await NoiseKeys.of(identity), await fresh_key()
