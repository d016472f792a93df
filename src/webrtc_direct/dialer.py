"""Steps 1 to 7: from an address to an authenticated connection."""

from __future__ import annotations

from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.authentication import authenticate
from webrtc_direct.certificate import Certificate
from webrtc_direct.connection import Connection, Handler, LocalEnd, StepTimes, connected
from webrtc_direct.identity import KeyPair
from webrtc_direct.limits import Limits
from webrtc_direct.multiaddr import WebRtcDirectAddress
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.protocol.noise import NoiseKeys
from webrtc_direct.protocols.defaults import with_defaults
from webrtc_direct.sdp import make_session
from webrtc_direct.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from webrtc_direct.platform.base import Platform, Version


@asynccontextmanager
async def dial(
    address: object,
    *,
    identity: KeyPair | None = None,
    certificate: Certificate | None = None,
    handlers: Mapping[str, Handler] | None = None,
    version: Version = "v1",
    timeout: float | None = None,
    limits: Limits | None = None,
    any_peer: bool = False,
    platform: Platform | None = None,
) -> AsyncIterator[Connection]:
    """Open an authenticated connection to the server named by *address*, for ``async with``.

    *address* is a multiaddr, as text or as anything whose ``str()`` is one. Identity and
    certificate are fresh ones unless given, so that two dials cannot be linked. *handlers* serve
    streams that the server opens; ping and identify are always served. *timeout* bounds the
    whole handshake, in seconds (``Limits.handshake_timeout`` unless given). With *any_peer* the
    address may lack a peer id; then nothing proves who answers.

    The end of the block delivers what was written and closes the connection, within
    ``Limits.close_timeout``; an exception aborts it at once, and comes out as it is.

    Raises:
        AddressError: *address* cannot be dialed; nothing was sent.
        HandshakeTimeout: nobody answered, or a step took too long.
        FingerprintMismatch: the server's certificate is not the one in the address.
        PeerIdMismatch: the server proved another identity.
        HandshakeError: the handshake failed in another way.

    Example::

        async with webrtc_direct.dial(address) as connection:
            async with connection.open_stream("/echo/1.0.0") as stream:
                await stream.write(b"hello")
    """
    started = perf_counter()
    target = WebRtcDirectAddress.parse(address, any_peer=any_peer)
    parsed = perf_counter()
    certificate = certificate or Certificate.generate()
    certified = perf_counter()
    identity = identity or KeyPair.generate()
    limits = limits or Limits()
    timeout = limits.handshake_timeout if timeout is None else timeout
    session = make_session(target, version=version, certificate_fingerprint=certificate.fingerprint)
    platform = platform or default_platform()
    async with task_group() as tasks:
        prepared = _Preparation()
        tasks.start_soon(prepared.run, identity)
        peer = await platform.connect(tasks, ConnectParameters(session, certificate, limits, timeout))
        below = perf_counter()
        seconds = min(limits.noise_timeout, max(0.0, timeout - (below - started)))
        keys = await prepared.keys()
        public_key = await authenticate(peer, keys, limits=limits, seconds=seconds, expected=target.peer_id)
        times = StepTimes(
            address=parsed - started,
            certificate=certified - parsed,
            ice=peer.times.ice,
            dtls=peer.times.dtls,
            sctp=peer.times.sctp,
            noise=perf_counter() - below,
        )
        local = LocalEnd(identity, limits, with_defaults(handlers))
        async with connected(peer, local, public_key=public_key, times=times) as connection:
            yield connection
        tasks.cancel_scope.cancel()


class _Preparation:
    """The Noise keys, made while the network is waited for."""

    def __init__(self) -> None:
        self._keys: NoiseKeys | None = None
        self._done = anyio.Event()

    async def run(self, identity: KeyPair) -> None:
        self._keys = await NoiseKeys.create(identity)
        self._done.set()

    async def keys(self) -> NoiseKeys:
        await self._done.wait()
        if self._keys is None:
            raise AssertionError("done without keys")
        return self._keys


def default_platform() -> Platform:
    """Return the platform for when none is given: the native engine."""
    # Loaded when it is needed: the package must be importable where the engine cannot run.
    from webrtc_direct.platform.native import NativePlatform  # noqa: PLC0415

    return NativePlatform()
