"""Nobody's memory grows with what the other end does not read, and one stream cannot hold up the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import Limits, Stream, StreamReset, echo_handler, ping
from webrtc_direct.protocols.echo import ECHO_PROTOCOL

if TYPE_CHECKING:
    from tests.integration_memory.conftest import Ends, Settled

KIB = 1024
OWN = "/own/1"
# What one delivery of the platform may add beyond the bound.
ONE_DELIVERY = 256 * KIB


async def _hold(stream: Stream) -> None:
    await anyio.sleep_forever()


async def test_a_writer_waits_for_a_reader(ends: Ends) -> None:
    opened: list[Stream] = []

    async def read_later(stream: Stream) -> None:
        opened.append(stream)
        await proceed.wait()
        assert len(b"".join([chunk async for chunk in stream])) == 20_000_000
        await stream.write(b"all")

    async def write() -> None:
        await stream.write(bytes(20_000_000))
        await stream.close_write()

    proceed = anyio.Event()
    limits = Limits(unread_bytes=256 * KIB, unsent_bytes_per_channel=64 * KIB)
    async with ends.pair(server={OWN: read_later}, limits=limits) as pair:
        stream = await pair.client.open_stream(OWN)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            assert pair.server.stats().unread_bytes < 256 * KIB + ONE_DELIVERY
            assert opened[0].unread_bytes == pair.server.stats().unread_bytes
            assert pair.client.stats().unsent_bytes <= 64 * KIB
            proceed.set()
            assert await stream.read_exactly(3) == b"all"
        assert pair.server.stats().unread_bytes == 0


@pytest.mark.parametrize("unsent", [3, 1000, 100_000])
async def test_the_credit_of_all_streams_together_is_bounded(ends: Ends, unsent: int) -> None:
    limits = Limits(unsent_bytes=unsent)
    async with ends.pair(server={ECHO_PROTOCOL: echo_handler}, limits=limits) as pair:
        streams = [await pair.client.open_stream(ECHO_PROTOCOL) for _ in range(3)]
        async with anyio.create_task_group() as tasks:
            pair.link.pause()
            for stream in streams:
                tasks.start_soon(stream.write, bytes(5000))
            await anyio.wait_all_tasks_blocked()
            # The framing of the last frame may go beyond it.
            assert pair.client.stats().unsent_bytes <= unsent + 7
            pair.link.resume()
            for stream in streams:
                assert await stream.read_exactly(5000) == bytes(5000)


async def test_a_stream_that_nobody_reads_is_reset_and_the_others_go_on(ends: Ends) -> None:
    limits = Limits(unread_bytes=128 * KIB, stall_timeout=0.2, close_timeout=0.1)
    async with ends.pair(server={OWN: _hold, ECHO_PROTOCOL: echo_handler}, server_limits=limits) as pair:
        stalled = await pair.client.open_stream(OWN)
        other = await pair.client.open_stream(ECHO_PROTOCOL)
        with pytest.raises(StreamReset):
            await stalled.write(bytes(10_000_000))
        await other.write(b"x")
        assert await other.read() == b"x"
        assert pair.server.stats().unread_bytes == 0
        await ping(pair.client)
        pair.client.abort()


async def test_a_stream_that_is_read_slowly_is_not_reset(ends: Ends) -> None:
    async def read_slowly(stream: Stream) -> None:
        for _ in range(20):
            await stream.read(1000)
            await anyio.sleep(0.1)
        while await stream.read():
            pass
        await stream.write(b"done")

    # A loaded machine may add several tenths of a second to each pause of the reader.
    limits = Limits(unread_bytes=64 * KIB, stall_timeout=1.0)
    async with ends.pair(server={OWN: read_slowly}, server_limits=limits) as pair:
        stream = await pair.client.open_stream(OWN)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.write, bytes(1_000_000))
            await anyio.sleep(0.3)
        await stream.close_write()
        assert await stream.read_exactly(4) == b"done"


async def test_what_a_reset_throws_away_counts_as_read(ends: Ends, settled: Settled) -> None:
    limits = Limits(unread_bytes=128 * KIB, close_timeout=0.1)
    opened: list[Stream] = []

    async def hold(stream: Stream) -> None:
        opened.append(stream)
        await anyio.sleep_forever()

    async with ends.pair(server={OWN: hold, ECHO_PROTOCOL: echo_handler}, server_limits=limits) as pair:
        stream = await pair.client.open_stream(OWN)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.write, bytes(1_000_000))
            await anyio.wait_all_tasks_blocked()
            assert pair.server.stats().unread_bytes >= 128 * KIB
            tasks.cancel_scope.cancel()
        await opened[0].close_read()
        await settled(lambda: pair.server.stats().unread_bytes == 0)
        await ping(pair.client)
        pair.client.abort()
