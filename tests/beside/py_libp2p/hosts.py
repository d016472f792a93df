"""Hosts of py-libp2p that have our transport and no other."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr

from webrtc_direct.libp2p import WebRtcDirect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from libp2p.abc import IHost, INetStream

ANY_PORT = Multiaddr("/ip4/127.0.0.1/udp/0/webrtc-direct")
ECHO = "/test/echo/1.0.0"
SECONDS = 30


async def echo(stream: INetStream) -> None:
    """Send back what comes, and end after the other end."""
    try:
        while True:
            await stream.write(await stream.read(65536))
    except StreamEOF:
        await stream.close()


@asynccontextmanager
async def running(
    *addresses: Multiaddr, keys: Any = None, transport: WebRtcDirect | None = None, **options: Any
) -> AsyncIterator[IHost]:
    """A host that serves echo, at *addresses*, or at any port of loopback."""
    keys = keys or create_new_key_pair()
    host = new_host(key_pair=keys, transports=[transport or WebRtcDirect(keys, **options)])
    host.set_stream_handler(ECHO, echo)
    async with host.run(listen_addrs=list(addresses) or [ANY_PORT]):
        yield host


@asynccontextmanager
async def two_hosts(**options: Any) -> AsyncIterator[tuple[IHost, IHost]]:
    """Two hosts: the second one has dialed the first."""
    async with running(**options) as server, running(**options) as client:
        await connect(client, server)
        yield server, client


async def connect(client: IHost, server: IHost) -> None:
    with trio.fail_after(SECONDS):
        await client.connect(info_from_p2p_addr(server.get_addrs()[0]))


async def until(condition: Any) -> None:
    with trio.fail_after(SECONDS):
        while not condition():  # noqa: ASYNC110 - what py-libp2p counts tells nobody of a change
            await trio.sleep(0.01)


async def read_all(stream: INetStream) -> bytes:
    """What comes until the end."""
    received = bytearray()
    while True:
        try:
            received += await stream.read(65536)
        except StreamEOF:
            return bytes(received)
