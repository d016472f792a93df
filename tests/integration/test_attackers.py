"""Honest clients beside peers who have connected and make work; ``make stress`` has more of them."""

from __future__ import annotations

import json
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from tests.support import ECHO, SECONDS, settled

import webrtc_direct
from webrtc_direct import KeyPair, Limits, WebRtcDirectAddress, echo_handler, perf_handler, ping_stream
from webrtc_direct.connection.authentication import authenticate
from webrtc_direct.handshake.noise import NoiseKeys
from webrtc_direct.handshake.sdp import make_session
from webrtc_direct.platform import default_platform
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.protocols.perf import PERF_PROTOCOL as PERF
from webrtc_direct.streams.message import Flag, encode_data, encode_flag
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct import Connection, Stream
    from webrtc_direct.platform.base import PeerConnection

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"
STREAMS = 200
# Some hundred times what a dial takes here.
MOST_SECONDS = 3.0


async def served_before_a_ping() -> tuple[int, int]:
    """Return how many streams of a busy connection wait, and how many of them come before another's ping."""
    begun = waiting = 0

    async def count(_: Stream) -> None:
        nonlocal begun
        begun += 1

    async def open_one(connection: Connection) -> None:
        await connection.open_stream("/count/1")

    async with (
        webrtc_direct.listen(ADDRESS, handlers={"/count/1": count}) as listener,
        webrtc_direct.dial(listener.addresses[0]) as busy,
        webrtc_direct.dial(listener.addresses[0]) as other,
        ping_stream(other) as pings,
        anyio.create_task_group() as tasks,
    ):
        await pings.ping()
        for _ in range(STREAMS):
            tasks.start_soon(open_one, busy)
        with anyio.fail_after(SECONDS):
            while busy.streams < STREAMS:
                await anyio.lowlevel.checkpoint()

            async def let_it_arrive() -> None:
                # Nothing runs meanwhile but the engine, on its thread: all of it waits for the listener then.
                nonlocal waiting
                await anyio.lowlevel.checkpoint()
                waiting = STREAMS - begun
                time.sleep(0.5)  # noqa: ASYNC251

            tasks.start_soon(let_it_arrive)
            await pings.ping()
            served = begun - (STREAMS - waiting)
            await settled(lambda: begun == STREAMS, "all are served in the end")
    return waiting, served


async def test_a_connection_that_opens_many_streams_delays_itself_alone() -> None:
    # On a busy machine the listener may have served most of them before everything stands still.
    for _ in range(10):
        waiting, served = await served_before_a_ping()
        if waiting >= STREAMS / 2:
            assert served < waiting / 2
            return
    pytest.fail("the streams never waited")


async def test_a_thousand_short_streams_at_once_are_served() -> None:
    served = 0

    async def echo(connection: Connection, room: anyio.Semaphore) -> None:
        nonlocal served
        async with room, connection.open_stream(ECHO) as stream:
            await stream.write(b"short")
            assert await stream.read_exactly(5) == b"short"
            served += 1

    async with (
        webrtc_direct.listen(ADDRESS, handlers={ECHO: echo_handler}) as listener,
        webrtc_direct.dial(listener.addresses[0]) as connection,
    ):
        room = anyio.Semaphore(200)
        with anyio.fail_after(SECONDS):
            async with anyio.create_task_group() as tasks:
                for _ in range(1000):
                    tasks.start_soon(echo, connection, room)
    assert served == 1000


@asynccontextmanager
async def raw_client(address: str) -> AsyncIterator[PeerConnection]:
    """An authenticated client that keeps to no rule of streams."""
    target, platform, limits = WebRtcDirectAddress.parse(address), default_platform(), Limits()
    certificate = await platform.make_certificate()
    session = make_session(target, version="v1", certificate_fingerprint=certificate.fingerprint)
    async with anyio.create_task_group() as tasks:
        peer = await platform.connect(tasks, ConnectParameters(session, certificate, limits, SECONDS))
        await authenticate(peer, await NoiseKeys.of(KeyPair.generate()), limits=limits, seconds=SECONDS)
        yield peer
        peer.abort()


def open_and_reset(peer: PeerConnection, count: int, last: Flag) -> None:
    """Open so many streams, end each with *last*, and let all arrive before anybody looks at them."""
    for _ in range(count):
        channel = peer.open_channel()
        channel.send([*encode_data(encode(HEADER) + encode(ECHO)), encode_flag(last)])
        channel.close()
    # Nothing runs meanwhile but the engine, on its thread.
    time.sleep(0.5)


async def test_streams_that_are_reset_before_anybody_looks_at_them_begin_nothing() -> None:
    begun: list[Stream] = []
    async with (
        webrtc_direct.listen(ADDRESS, on_stream=begun.append) as listener,
        raw_client(listener.addresses[0]) as peer,
    ):
        await settled(lambda: bool(listener.connections), "it is connected")
        open_and_reset(peer, STREAMS // 2, Flag.RESET_STREAM)
        # What ends in another way is handed over, however late.
        open_and_reset(peer, 1, Flag.FIN)
        await settled(lambda: bool(begun), "the last is handed over")
        assert len(begun) == 1
        assert await begun[0].read() == encode(HEADER) + encode(ECHO)


async def test_streams_that_nobody_looks_at_count_towards_the_resets_of_a_connection() -> None:
    limits = Limits(resets_per_second=1, max_channels=STREAMS // 4)
    async with (
        webrtc_direct.listen(ADDRESS, handlers={ECHO: echo_handler}, limits=limits) as listener,
        raw_client(listener.addresses[0]) as peer,
    ):
        await settled(lambda: bool(listener.connections), "it is connected")
        connection = listener.connections[0]
        with anyio.fail_after(SECONDS):
            # A few at a time: beyond max_channels they would be refused, and count for nothing.
            while connection.is_open:
                open_and_reset(peer, STREAMS // 10, Flag.RESET_STREAM)
                await anyio.sleep(0.02)
            assert "resets_per_second" in (await connection.wait_closed()).detail


@pytest.mark.parametrize("kind", ["idle", "resets", "trickle"])
async def test_honest_clients_are_served_beside_attackers_who_have_connected(kind: str) -> None:
    program = (sys.executable, "-m", "stress.attackers")
    async with webrtc_direct.listen(ADDRESS, handlers={PERF: perf_handler}) as listener:
        options = ("--connections", "24", "--rate", "400", "--seconds", "2")
        async with await anyio.open_process(
            (*program, listener.addresses[0], kind, *options), stderr=None
        ) as attackers:
            assert attackers.stdout is not None
            with anyio.fail_after(SECONDS):
                said = await attackers.stdout.receive()
                assert json.loads(said)["connections"] == 24
                while attackers.returncode is None:
                    for version in ("v1", "v2"):
                        started = anyio.current_time()
                        async with webrtc_direct.dial(listener.addresses[0], version=version) as connection:
                            assert anyio.current_time() - started < MOST_SECONDS
                            await webrtc_direct.ping(connection)
                (said,) = [part async for part in attackers.stdout]
            result = json.loads(said)
            assert result["lost"] == {}
            assert (result["streams"] > 1000) is (kind == "resets")
            assert (result["bytes"] > 0) is (kind == "trickle")
