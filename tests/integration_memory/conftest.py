"""Both ends of a connection in one process, over the memory platform."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.support import SECONDS, RawChannel, settled

from webrtc_direct import (
    Certificate,
    Connection,
    KeyPair,
    Limits,
    Listener,
    WebRtcDirectAddress,
    dial,
    listen,
)
from webrtc_direct.connection.authentication import authenticate
from webrtc_direct.handshake.noise import NoiseKeys
from webrtc_direct.handshake.sdp import make_session
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.platform.memory import MemoryNetwork, MemoryPlatform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from webrtc_direct import AcceptHook, Handler
    from webrtc_direct.node.dialer import DialVersion
    from webrtc_direct.platform.memory_connection import MemoryConnection, MemoryLink

    Settled = Callable[[Callable[[], bool]], Awaitable[None]]

LISTEN_ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"


@pytest.fixture
async def leaves_no_task() -> AsyncIterator[None]:
    yield
    assert [task for task in anyio.get_running_tasks() if "webrtc_direct" in str(task.name)] == []


@dataclass
class Pair:
    """A dialer's connection, the listener's, and what is between them."""

    client: Connection
    server: Connection
    listener: Listener
    link: MemoryLink


class Ends:
    """Makes listeners, dialers and raw peers on one network."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.platform = MemoryPlatform(self.network)

    def listen(
        self,
        address: object = LISTEN_ADDRESS,
        *,
        handlers: Mapping[str, Handler] | None = None,
        limits: Limits | None = None,
        identity: KeyPair | None = None,
        announce: Sequence[str] = (),
        accept: AcceptHook | None = None,
        keep_alive: float | None = None,
    ) -> AbstractAsyncContextManager[Listener]:
        return listen(
            address,
            handlers=handlers,
            limits=limits,
            identity=identity,
            announce=announce,
            accept=accept,
            keep_alive=keep_alive,
            platform=self.platform,
        )

    def dial(
        self,
        address: object,
        *,
        handlers: Mapping[str, Handler] | None = None,
        limits: Limits | None = None,
        timeout: float | None = None,
        any_peer: bool = False,
        keep_alive: float | None = None,
        version: DialVersion = "auto",
        identity: KeyPair | None = None,
    ) -> AbstractAsyncContextManager[Connection]:
        return dial(
            address,
            identity=identity,
            handlers=handlers,
            version=version,
            keep_alive=keep_alive,
            limits=limits,
            timeout=timeout,
            any_peer=any_peer,
            platform=self.platform,
        )

    @asynccontextmanager
    async def pair(
        self,
        *,
        server: Mapping[str, Handler] | None = None,
        client: Mapping[str, Handler] | None = None,
        limits: Limits | None = None,
        server_limits: Limits | None = None,
    ) -> AsyncIterator[Pair]:
        """A connection between a listener with the handlers *server* and a dialer with *client*."""
        async with (
            self.listen(handlers=server, limits=server_limits or limits) as listener,
            self.dial(listener.addresses[0], handlers=client, limits=limits) as connection,
        ):
            await settled(lambda: bool(listener.connections))
            yield Pair(connection, listener.connections[-1], listener, self.network.links[-1])

    @asynccontextmanager
    async def raw_connection(self, listener: Listener) -> AsyncIterator[MemoryConnection]:
        """A client that has done nothing yet above its data channels."""
        certificate = Certificate.generate()
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        session = make_session(address, version="v1", certificate_fingerprint=certificate.fingerprint)
        async with anyio.create_task_group() as tasks:
            yield await self.platform.connect(
                tasks, ConnectParameters(session, certificate, Limits(), SECONDS)
            )
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def raw_peer(self, listener: Listener) -> AsyncIterator[RawPeer]:
        """An authenticated client whose streams are in the test's hands."""
        async with self.raw_connection(listener) as connection:
            keys = await NoiseKeys.create(KeyPair.generate())
            await authenticate(connection, keys, limits=Limits(), seconds=SECONDS)
            yield RawPeer(connection)
            connection.abort()

    def raw_channel(self, connection: MemoryConnection) -> RawChannel:
        """A new channel whose frames are in the test's hands."""
        return RawChannel(connection.open_channel())


class RawPeer:
    """Opens channels and writes frames as the test wants them."""

    def __init__(self, connection: MemoryConnection) -> None:
        self.connection = connection

    def open(self) -> RawChannel:
        return RawChannel(self.connection.open_channel())


@pytest.fixture
def ends(leaves_no_task: None) -> Ends:
    return Ends()


@pytest.fixture(name="settled")
def settled_fixture() -> Settled:
    # All happens in this event loop: nothing is cheaper than to look often.
    return partial(settled, every=0.001)
