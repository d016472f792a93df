"""Steps 1 to 7: from an address to an authenticated connection."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import anyio

from webrtc_direct.authentication import authenticate
from webrtc_direct.connection import Connection, Handler, LocalEnd, StepTimes, connected
from webrtc_direct.errors import HandshakeError, HandshakeTimeout, VersionNotPossible
from webrtc_direct.identity import KeyPair
from webrtc_direct.limits import Limits
from webrtc_direct.multiaddr import WebRtcDirectAddress
from webrtc_direct.platform import default_platform
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.protocol.noise import NoiseKeys, fresh_key
from webrtc_direct.protocols.defaults import with_defaults
from webrtc_direct.protocols.keep_alive import keep_alive_every
from webrtc_direct.refusals import Refusals
from webrtc_direct.sdp import make_session
from webrtc_direct.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from anyio.abc import TaskGroup

    from webrtc_direct.certificate import Certificate
    from webrtc_direct.platform.base import LocalCertificate, PeerConnection, Platform, Version
    from webrtc_direct.primitives import X25519Key

    Attempt = Callable[[Version, float, Callable[[], None]], Awaitable[PeerConnection]]

logger: logging.Logger = logging.getLogger("webrtc_direct.dial")

DialVersion = Literal["auto", "v1", "v2"]
"""What ``dial`` may be asked for: one version of the handshake, or whichever is answered."""

# With "auto" the other version is tried beside the first one when that was not answered for so long.
_OTHER_AFTER = 1.0


@asynccontextmanager
async def dial(
    address: object,
    *,
    identity: KeyPair | None = None,
    certificate: Certificate | None = None,
    handlers: Mapping[str, Handler] | None = None,
    version: DialVersion = "auto",
    timeout: float | None = None,
    limits: Limits | None = None,
    any_peer: bool = False,
    keep_alive: float | None = None,
    platform: Platform | None = None,
) -> AsyncIterator[Connection]:
    """Open an authenticated connection to the server named by *address*, for ``async with``.

    *address* is a multiaddr, as text or as anything whose ``str()`` is one. Identity and
    certificate are fresh ones unless given, so that two dials cannot be linked. *handlers* serve
    streams that the server opens; ping and identify are always served. *timeout* bounds the
    whole handshake, in seconds (``Limits.handshake_timeout`` unless given). With *any_peer* the
    address may lack a peer id; then nothing proves who answers. With *keep_alive* the peer is
    pinged every so many seconds, and the connection ends when it does not answer.

    *version* "auto" tries v1 first, because every listener of today answers it (the spec would
    have v2), and v2 beside it after a second without any answer. In a browser it is the other way
    round, because a browser may refuse what v1 needs. The first answer wins and the other attempt
    stops, so that the listener sees one connection.

    The end of the block delivers what was written and closes the connection, within
    ``Limits.close_timeout``; an exception aborts it at once, and comes out as it is.

    Raises:
        AddressError: *address* cannot be dialed; nothing was sent.
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
    target = WebRtcDirectAddress.parse(address, any_peer=any_peer)
    parsed = perf_counter()
    platform = platform or default_platform()
    own: LocalCertificate = certificate or await platform.make_certificate()
    certified = perf_counter()
    limits = limits or Limits()
    timeout = limits.handshake_timeout if timeout is None else timeout
    background = keep_alive_every(keep_alive)
    logger.info("dialing %s, version %s", target, version)
    async with task_group() as tasks:
        prepared = _Preparation(identity, tasks)

        async def attempt(version: Version, seconds: float, on_answer: Callable[[], None]) -> PeerConnection:
            """Connect with one version of the handshake."""

            def answered() -> None:
                """The peer is there: now DTLS is waited for."""
                prepared.begin()
                on_answer()

            session = make_session(target, version=version, certificate_fingerprint=own.fingerprint)
            parameters = ConnectParameters(session, own, limits, seconds, answered)
            return await platform.connect(tasks, parameters)

        peer = await _Attempts(attempt, platform.versions, timeout).connect(version)
        below = perf_counter()
        seconds = min(limits.noise_timeout, max(0.0, timeout - (below - started)))
        own_identity, keys, ephemeral = await prepared.result()
        public_key = await authenticate(
            peer, keys, limits=limits, seconds=seconds, expected=target.peer_id, ephemeral=ephemeral
        )
        times = StepTimes(
            address=parsed - started,
            certificate=certified - parsed,
            ice=peer.times.ice,
            dtls=peer.times.dtls,
            sctp=peer.times.sctp,
            noise=perf_counter() - below,
        )
        local = LocalEnd(own_identity, limits, with_defaults(handlers), Refusals(limits))
        async with connected(
            peer, local, public_key=public_key, times=times, background=background
        ) as connection:
            yield connection
        tasks.cancel_scope.cancel()


class _Attempts:
    """One version of the handshake, or both until the first answer to either."""

    def __init__(self, attempt: Attempt, versions: tuple[Version, Version], timeout: float) -> None:
        self._attempt = attempt
        self._versions = versions
        self._timeout = timeout
        self._scopes: dict[Version, anyio.CancelScope] = {
            "v1": anyio.CancelScope(),
            "v2": anyio.CancelScope(),
        }
        self._answered: Version | None = None
        self._peer: PeerConnection | None = None
        self._error: HandshakeError | None = None
        self._impossible: VersionNotPossible | None = None
        self._told = anyio.Event()
        """There was an answer, or an error: something that decides whether to try the other version."""

    async def connect(self, version: DialVersion) -> PeerConnection:
        """Return the connection. Raises HandshakeError."""
        if version != "auto":
            return await self._attempt(version, self._timeout, lambda: None)
        deadline = anyio.current_time() + self._timeout
        first, other = self._versions
        async with task_group() as tasks:
            tasks.start_soon(self._run, first, deadline, name=f"webrtc_direct dial {first}")
            with anyio.move_on_after(_OTHER_AFTER):
                await self._told.wait()
            undecided = self._answered is None and self._error is None
            if undecided and anyio.current_time() < deadline:
                tasks.start_soon(self._run, other, deadline, name=f"webrtc_direct dial {other}")
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

    async def _run(self, version: Version, deadline: float) -> None:
        seconds = max(0.0, deadline - anyio.current_time())
        with self._scopes[version]:
            try:
                peer = await self._attempt(version, seconds, lambda: self._answer(version))
            except VersionNotPossible as error:
                # That is between this end and its platform; the peer may answer the other version.
                self._impossible = error
                self._told.set()
                return
            except HandshakeTimeout as error:
                self._fail(HandshakeTimeout(error.step, self._timeout))
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
        self._told.set()
        if self._answered is None:
            self._answered = version
            self._scopes["v2" if version == "v1" else "v1"].cancel()

    def _fail(self, error: HandshakeError) -> None:
        self._told.set()
        if self._error is None:
            self._error = error
        for scope in self._scopes.values():
            scope.cancel()


class _Preparation:
    """The identity, if none is given, and the Noise keys: made while DTLS is waited for."""

    def __init__(self, identity: KeyPair | None, tasks: TaskGroup) -> None:
        self._identity = identity
        self._tasks = tasks
        self._begun = False
        self._result: tuple[KeyPair, NoiseKeys, X25519Key] | None = None
        self._done = anyio.Event()

    def begin(self) -> None:
        """Begin, unless that has been done: not at once, for in a page it takes turns from what sends."""
        if not self._begun:
            self._begun = True
            self._tasks.start_soon(self._run, name="webrtc_direct noise keys")

    async def _run(self) -> None:
        identity = self._identity or await KeyPair.create()
        self._result = identity, await NoiseKeys.create(identity), await fresh_key()
        self._done.set()

    async def result(self) -> tuple[KeyPair, NoiseKeys, X25519Key]:
        self.begin()
        await self._done.wait()
        if self._result is None:
            raise AssertionError("done without keys")
        return self._result
