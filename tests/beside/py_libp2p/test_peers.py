"""Peers that die, misbehave or gossip."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from tests.beside.py_libp2p.hosts import ANY_PORT, ECHO, SECONDS, connect, running, two_hosts, until

import webrtc_direct
from webrtc_direct import Limits
from webrtc_direct.libp2p import WebRtcDirect

if TYPE_CHECKING:
    from libp2p.abc import IMuxedConn

pytestmark = pytest.mark.anyio

PEER = Path(__file__).with_name("peer_program.py")
# Limits.silence_timeout and Limits.consent_interval together, and some time to look.
NOTICED_SECONDS = 30
TOPIC = "test"


async def test_a_killed_peer_shows_as_disconnected() -> None:
    async with running() as server:
        address = str(server.get_addrs()[0])
        async with await anyio.open_process([sys.executable, PEER, address]) as peer:
            try:
                await until(lambda: server.get_network().connections)
                # It is there: it has not left by itself.
                await trio.sleep(1)
                assert server.get_network().connections
            finally:
                peer.kill()
            with trio.fail_after(NOTICED_SECONDS):
                await until(lambda: not server.get_network().connections)


@pytest.mark.parametrize("garbage", [b"\xff" * 5000, b"\x13/multistream/1.0.0\n" + b"\x05nope\n" * 2000, b""])
async def test_a_hostile_peer_harms_nobody_else(garbage: bytes) -> None:
    async with two_hosts() as (server, client):
        good = await client.new_stream(server.get_id(), [ECHO])

        async def spoil() -> None:
            """Write garbage on many streams, and reset some of them."""
            async with webrtc_direct.dial(server.get_addrs()[0]) as connection:
                for number in range(200):
                    stream = await connection.open_raw_stream()
                    try:
                        await stream.write(garbage)
                    except (webrtc_direct.StreamReset, webrtc_direct.StreamClosed):
                        continue
                    if number % 2:
                        stream.reset()
                connection.abort()

        with trio.fail_after(SECONDS):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(spoil)
                for _ in range(50):
                    await good.write(b"hello")
                    assert await good.read(5) == b"hello"
        await until(lambda: list(server.get_network().connections) == [client.get_id()])
        await good.write(b"still here")
        assert await good.read(10) == b"still here"


async def test_streams_that_never_end_and_are_not_read_harm_nobody_else() -> None:
    async with two_hosts() as (server, client):
        before = trio.lowlevel.current_statistics().tasks_living
        good = await client.new_stream(server.get_id(), [ECHO])
        blocked: set[int] = set()

        async def write_on(connection: webrtc_direct.Connection) -> None:
            """Write without end, until the host takes no more, and read nothing."""
            stream = await connection.open_stream(ECHO)
            while True:
                with anyio.move_on_after(1) as scope:
                    await stream.write(bytes(100_000))
                if scope.cancelled_caught:
                    blocked.add(id(stream))

        with trio.fail_after(2 * SECONDS):
            async with anyio.create_task_group() as tasks, webrtc_direct.dial(server.get_addrs()[0]) as bad:
                for _ in range(20):
                    tasks.start_soon(write_on, bad)
                while len(blocked) < 20:
                    await good.write(b"hello")
                    assert await good.read(5) == b"hello"
                    await trio.sleep(0.01)
                tasks.cancel_scope.cancel()
            await good.close()
            await until(lambda: list(server.get_network().connections) == [client.get_id()])
            await until(lambda: trio.lowlevel.current_statistics().tasks_living <= before)


async def test_streams_that_nobody_accepts_are_kept_up_to_the_limit() -> None:
    keys, limits = create_new_key_pair(), Limits(max_channels=4)
    given: list[IMuxedConn] = []

    async def keep(connection: Any) -> None:
        given.append(connection)
        await trio.sleep_forever()

    transport = WebRtcDirect(keys, limits=limits)
    listener = transport.create_listener(keep)
    await listener.listen(ANY_PORT)
    address = f"{listener.get_addrs()[0]}/p2p/{ID.from_pubkey(keys.public_key)}"
    with trio.fail_after(SECONDS):
        async with webrtc_direct.dial(address) as connection:
            for _ in range(4):
                streams = [await connection.open_raw_stream() for _ in range(3)]
                # What is reset before the other end has seen it is nothing.
                await trio.sleep(0.05)
                for stream in streams:
                    stream.reset()
                await trio.sleep(0.05)
            # The connection has no stream now.
            last = await connection.open_raw_stream()
            with pytest.raises(webrtc_direct.StreamReset):
                await last.read()
            for _ in range(4):
                await given[0].accept_stream()
            with trio.move_on_after(0.1) as scope:
                await given[0].accept_stream()
            assert scope.cancelled_caught
    await listener.close()


async def test_what_gossip_is_published_at_one_host_is_read_at_the_other() -> None:
    async with anyio.create_task_group() as tasks, running() as one, running() as other:
        nodes = [Pubsub(host, _router()) for host in (one, other)]
        async with (
            background_trio_service(nodes[0]),
            background_trio_service(nodes[1]),
            background_trio_service(nodes[0].router),
            background_trio_service(nodes[1].router),
        ):
            subscriptions = [await node.subscribe(TOPIC) for node in nodes]
            await connect(other, one)
            with trio.fail_after(SECONDS):
                await until(lambda: all(node.peer_topics.get(TOPIC) for node in nodes))
                await trio.sleep(2)
                for number, node in enumerate(nodes):
                    line = f"line {number}".encode()
                    await node.publish(TOPIC, line)
                    for subscription in subscriptions:
                        assert (await subscription.get()).data == line
        tasks.cancel_scope.cancel()


def _router() -> GossipSub:
    return GossipSub(
        protocols=["/meshsub/1.1.0"], degree=2, degree_low=1, degree_high=4, heartbeat_interval=1
    )
