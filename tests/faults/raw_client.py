"""An authenticated client whose channels and frames are in the test's hands, on the real engine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from tests.support import SECONDS, RawChannel, settled

from webrtc_direct import Certificate, KeyPair, Limits, WebRtcDirectAddress
from webrtc_direct.connection.authentication import authenticate
from webrtc_direct.handshake.noise import NoiseKeys
from webrtc_direct.handshake.sdp import make_session
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.platform.native import NativePlatform
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct.platform.base import PeerConnection


@asynccontextmanager
async def silent_client(address: str) -> AsyncIterator[PeerConnection]:
    """A connection before Noise, of which the client does nothing."""
    certificate = Certificate.generate()
    target = WebRtcDirectAddress.parse(address)
    session = make_session(target, version="v1", certificate_fingerprint=certificate.fingerprint)
    async with anyio.create_task_group() as tasks:
        parameters = ConnectParameters(session, certificate, Limits(), SECONDS)
        peer = await NativePlatform().connect(tasks, parameters)
        yield peer
        peer.abort()
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def raw_client(address: str) -> AsyncIterator[PeerConnection]:
    """A connection after Noise, with nothing above its channels."""
    async with silent_client(address) as peer:
        keys = await NoiseKeys.create(KeyPair.generate())
        expected = WebRtcDirectAddress.parse(address).peer_id
        await authenticate(peer, keys, limits=Limits(), seconds=SECONDS, expected=expected)
        yield peer


async def negotiate(channel: RawChannel, protocol: str) -> None:
    """Propose *protocol* on *channel*, and wait until it is agreed."""
    proposal = encode(HEADER) + encode(protocol)
    channel.send_data(proposal)
    await settled(lambda: channel.data == proposal, "the protocol is agreed")
    channel.frames.clear()
