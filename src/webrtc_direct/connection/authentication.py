"""Step 7 over a platform's connection: the Noise handshake on channel 0, with its bounds.

What the messages hold is the business of ``handshake/noise.py``.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.errors import HandshakeError, HandshakeTimeout, RemoteProtocolError
from webrtc_direct.handshake.errors import PeerIdMismatch
from webrtc_direct.handshake.noise import Action, NoiseHandshake, prologue
from webrtc_direct.handshake.roles import Role
from webrtc_direct.primitives import begin
from webrtc_direct.runtime.outside_tasks import Signal
from webrtc_direct.streams.message import Flag, MessageDecoder, encode_data

if TYPE_CHECKING:
    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.handshake.noise import NoiseKeys
    from webrtc_direct.identity.identity import PeerId, PublicKey
    from webrtc_direct.platform.base import DataChannel, PeerConnection
    from webrtc_direct.primitives import X25519Key

# How long to wait for the reason when channel 0 closes: usually the connection ends with it.
_REASON_SECONDS = 0.1
# A peer sends one or two, each with a few bytes of framing.
_MAX_MESSAGES = 4
_CLOSED = "the peer closed the handshake channel"


async def authenticate(
    peer: PeerConnection,
    keys: NoiseKeys,
    *,
    limits: Limits,
    seconds: float,
    expected: PeerId | None = None,
    ephemeral: X25519Key | None = None,
) -> PublicKey:
    """Return the public key that the peer proved to hold. On an error *peer* is aborted.

    *ephemeral* is a fresh key of this end for this handshake, if one was made before.

    Raises:
        HandshakeTimeout: it took longer than *seconds*.
        PeerIdMismatch: the key is not that of *expected*.
        NoiseError: the peer proved nothing.
        HandshakeError: the connection ended, or the peer broke a rule.
    """
    try:
        public_key = await _bounded_handshake(peer, keys, ephemeral, limits, seconds)
    except BaseException:
        peer.abort()
        raise
    if expected is not None and public_key.peer_id != expected:
        peer.abort()
        raise PeerIdMismatch(expected=expected, received=public_key.peer_id)
    return public_key


async def _bounded_handshake(
    peer: PeerConnection, keys: NoiseKeys, ephemeral: X25519Key | None, limits: Limits, seconds: float
) -> PublicKey:
    with anyio.move_on_after(seconds):
        return await _handshake(peer, keys, ephemeral, limits)
    raise HandshakeTimeout("noise", seconds, address=peer.remote)


async def _handshake(
    peer: PeerConnection, keys: NoiseKeys, ephemeral: X25519Key | None, limits: Limits
) -> PublicKey:
    by_role = {peer.role: peer.local_fingerprint}
    by_role[Role.SERVER if peer.role is Role.CLIENT else Role.CLIENT] = peer.remote_fingerprint
    handshake = NoiseHandshake(
        peer.role,
        prologue=prologue(client=by_role[Role.CLIENT], server=by_role[Role.SERVER]),
        keys=keys,
        ephemeral=ephemeral,
        max_message=limits.max_noise_payload,
    )
    channel = _HandshakeChannel(peer, limits)
    while handshake.action is not Action.DONE:
        payload = b"" if handshake.action is Action.WRITE else await channel.next_payload()
        await begin(_go_on(handshake, payload, peer.handshake_channel))
    peer.handshake_channel.observer = _IGNORED
    if handshake.remote_public_key is None:
        raise AssertionError("a finished handshake has the peer's key")
    return handshake.remote_public_key


async def _go_on(handshake: NoiseHandshake, payload: bytes, channel: DataChannel) -> None:
    """Take what came, and send what follows from it."""
    await handshake.receive_untrusted(payload)
    while handshake.action is Action.WRITE:
        channel.send(encode_data(await handshake.next_message()))


class _IgnoredChannel:
    """Channel 0 after the handshake: it stays open, and nothing that the peer does there matters.

    libp2p's implementations end it in four different ways; one leaves it open.
    """

    def data_received(self, data: bytes) -> int:
        """Throw it away."""
        return len(data)

    def channel_writable(self) -> None:
        """Nothing is written any more."""

    def channel_closed(self) -> None:
        """That is the peer's right."""


_IGNORED = _IgnoredChannel()


class _HandshakeChannel:
    """Channel 0 during the handshake."""

    def __init__(self, peer: PeerConnection, limits: Limits) -> None:
        self._peer = peer
        self._decoder = MessageDecoder(limits.max_received_frame)
        self._room = _MAX_MESSAGES * limits.max_noise_payload
        self._payloads: deque[bytes] = deque()
        self._problem: str | None = None
        self._limit: str | None = None
        self._wake = Signal()
        peer.handshake_channel.observer = self

    async def next_payload(self) -> bytes:
        """Return the payload of the next frame."""
        while not self._payloads:
            if self._problem is not None:
                raise HandshakeError(await self._why(self._problem), limit=self._limit)
            self._wake = Signal()
            await self._wake.wait()
        return self._payloads.popleft()

    def data_received(self, data: bytes) -> int:
        """Take bytes of the channel."""
        if self._problem is None:
            self._room -= len(data)
            try:
                self._receive_untrusted(data)
            except RemoteProtocolError as error:
                self._problem = f"on the handshake channel: {error}"
                self._limit = error.limit
            self._wake.set()
        return len(data)

    def channel_writable(self) -> None:
        """Nothing waits for that: a handshake is shorter than any credit."""

    def channel_closed(self) -> None:
        """The peer closed channel 0, or the connection ended."""
        if self._problem is None:
            self._problem = _CLOSED
        self._wake.set()

    def _receive_untrusted(self, data: bytes) -> None:
        if self._room < 0:
            raise RemoteProtocolError("more data than a handshake has", limit="max_noise_payload")
        for flag, payload in self._decoder.feed_untrusted(data):
            if payload:
                self._payloads.append(payload)
            if flag in (Flag.FIN, Flag.RESET_STREAM):
                self._problem = _CLOSED

    async def _why(self, problem: str) -> str:
        """Return *problem*, or the reason of the connection's end that explains it."""
        if problem is _CLOSED:
            with anyio.move_on_after(_REASON_SECONDS):
                reason = await self._peer.wait_closed()
                return f"the connection ended before the peer was authenticated: {reason.detail}"
        return problem
