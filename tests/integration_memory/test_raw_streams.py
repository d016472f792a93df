"""Streams of programs that agree on protocols themselves: ``on_stream`` and ``open_raw_stream``."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import (
    Connection,
    ConnectionLost,
    LimitExceeded,
    Limits,
    Stream,
    StreamReset,
    dial,
    listen,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.integration_memory.conftest import Ends, Settled

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"


@asynccontextmanager
async def raw_pair(ends: Ends, on_stream: Callable[[Stream], object]) -> AsyncIterator[Connection]:
    async with (
        listen(ADDRESS, on_stream=on_stream, platform=ends.platform) as listener,
        dial(listener.addresses[0], platform=ends.platform) as connection,
    ):
        yield connection


@asynccontextmanager
async def raw_stream(ends: Ends, settled: Settled) -> AsyncIterator[tuple[Stream, Stream]]:
    """A stream as the dialer has opened it, and as the listener is given it."""
    streams: list[Stream] = []
    async with raw_pair(ends, streams.append) as connection:
        stream = await connection.open_raw_stream()
        await settled(lambda: len(streams) == 1)
        yield stream, streams[0]


async def test_a_stream_is_given_as_it_is_opened_and_carries_what_was_written(
    ends: Ends, settled: Settled
) -> None:
    async with raw_stream(ends, settled) as (stream, given):
        await stream.write(b"no protocol")
        assert await given.read() == b"no protocol"
        await given.write(b"none here either")
        await given.aclose()
        assert await stream.read() == b"none here either"
        assert await stream.read() == b""
        await stream.aclose()


@pytest.mark.parametrize("end", [Stream.aclose, Stream.close_write, lambda stream: stream.reset()])
async def test_a_stream_that_ends_with_nothing_written_is_given_all_the_same(
    end: Callable[[Stream], Awaitable[None] | None], ends: Ends, settled: Settled
) -> None:
    streams: list[Stream] = []
    async with raw_pair(ends, streams.append) as connection:
        for _ in range(20):
            ended = end(await connection.open_raw_stream())
            if ended is not None:
                await ended
        await settled(lambda: len(streams) == 20)


async def test_the_dialer_is_given_streams_as_well(ends: Ends, settled: Settled) -> None:
    streams: list[Stream] = []
    async with (
        listen(ADDRESS, platform=ends.platform) as listener,
        dial(listener.addresses[0], on_stream=streams.append, platform=ends.platform),
    ):
        await settled(lambda: bool(listener.connections))
        stream = await listener.connections[0].open_raw_stream()
        await stream.write(b"hello")
        await settled(lambda: len(streams) == 1)
        assert await streams[0].read() == b"hello"


async def test_who_was_not_spoken_to_does_not_write_first(ends: Ends, settled: Settled) -> None:
    async with raw_stream(ends, settled) as (stream, given):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(given.write, b"answer")
            await anyio.wait_all_tasks_blocked()
            assert stream.unread_bytes == 0
            await stream.write(b"question")
            assert await stream.read() == b"answer"
        assert await given.read() == b"question"


async def test_a_writer_that_waits_for_the_first_bytes_learns_of_the_end(
    ends: Ends, settled: Settled
) -> None:
    async with raw_stream(ends, settled) as (stream, given):
        async with anyio.create_task_group() as tasks:

            async def write() -> None:
                with pytest.raises(StreamReset):
                    await given.write(b"never")

            tasks.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            stream.reset()


@pytest.mark.logs_errors
async def test_an_exception_resets_the_stream_alone(ends: Ends, caplog: pytest.LogCaptureFixture) -> None:
    given: list[Stream] = []

    def refuse_the_first(stream: Stream) -> None:
        given.append(stream)
        if len(given) == 1:
            raise LookupError("not this one")

    async with raw_pair(ends, refuse_the_first) as connection:
        first, second = await connection.open_raw_stream(), await connection.open_raw_stream()
        with pytest.raises(StreamReset):
            await first.read()
        await second.write(b"x")
        assert await given[1].read() == b"x"
    assert "not this one" in caplog.text


async def test_raw_streams_keep_to_the_limits(ends: Ends) -> None:
    streams: list[Stream] = []
    limits = Limits(max_channels=2)
    async with (
        listen(ADDRESS, on_stream=streams.append, limits=limits, platform=ends.platform) as listener,
        dial(listener.addresses[0], limits=limits, platform=ends.platform) as connection,
    ):
        for _ in range(2):
            await connection.open_raw_stream()
        with pytest.raises(LimitExceeded):
            await connection.open_raw_stream()


async def test_no_raw_stream_is_opened_on_a_connection_that_has_ended(ends: Ends) -> None:
    streams: list[Stream] = []
    async with raw_pair(ends, streams.append) as connection:
        connection.abort()
        with pytest.raises(ConnectionLost):
            await connection.open_raw_stream()
