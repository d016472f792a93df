"""An authenticated client whose channels and frames are in the test's hands, on the real engine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from tests.faults.support import SECONDS, settled

from webrtc_direct import Certificate, KeyPair, Limits, WebRtcDirectAddress
from webrtc_direct.authentication import authenticate
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.platform.native import NativePlatform
from webrtc_direct.protocol.message import Flag, MessageDecoder, encode_data
from webrtc_direct.protocol.noise import NoiseKeys
from webrtc_direct.sdp import make_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct.platform.base import DataChannel, PeerConnection

_MULTISTREAM = b"\x13/multistream/1.0.0\n"


@asynccontextmanager
async def raw_client(address: str) -> AsyncIterator[PeerConnection]:
    """A connection after Noise, with nothing above its channels."""
    certificate = Certificate.generate()
    target = WebRtcDirectAddress.parse(address)
    session = make_session(target, version="v1", certificate_fingerprint=certificate.fingerprint)
    async with anyio.create_task_group() as tasks:
        parameters = ConnectParameters(session, certificate, Limits(), SECONDS)
        peer = await NativePlatform().connect(tasks, parameters)
        keys = await NoiseKeys.create(KeyPair.generate())
        await authenticate(peer, keys, limits=Limits(), seconds=SECONDS, expected=target.peer_id)
        yield peer
        peer.abort()
        tasks.cancel_scope.cancel()


class RawChannel:
    """A data channel that remembers the frames that came."""

    def __init__(self, channel: DataChannel) -> None:
        self.closed = False
        self.frames: list[tuple[Flag | None, bytes]] = []
        self._channel = channel
        self._decoder = MessageDecoder(1 << 20)
        channel.observer = self

    @property
    def data(self) -> bytes:
        return b"".join(payload for _, payload in self.frames)

    @property
    def flags(self) -> list[Flag]:
        return [flag for flag, _ in self.frames if flag is not None]

    def send(self, *messages: bytes) -> None:
        self._channel.send(messages)

    async def negotiate(self, protocol: str) -> None:
        """Propose *protocol*, and wait until it is agreed."""
        name = protocol.encode() + b"\n"
        proposal = _MULTISTREAM + bytes([len(name)]) + name
        self.send(*encode_data(proposal))
        await settled(lambda: self.data == proposal, "the protocol is agreed")
        self.frames.clear()

    def data_received(self, data: bytes) -> int:
        self.frames += self._decoder.feed_untrusted(data)
        return len(data)

    def channel_writable(self) -> None:
        pass

    def channel_closed(self) -> None:
        self.closed = True
