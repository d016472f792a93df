"""Cancelling at any moment leaves nothing behind, on the real engine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.faults.support import (
    ADDRESS,
    HANDLERS,
    SINK,
    Holdings,
    cancelled_after_turns,
    cancelled_at,
    connected_pair,
    turns_to_try,
)
from tests.support import ECHO, settled

import webrtc_direct
from webrtc_direct import Limits, ping
from webrtc_direct.protocols.ping import ping_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct import Connection

    Operation = Callable[[Connection], Awaitable[object]]

# A graceful close is cut short by the cancellation here, never by its own bound.
LIMITS = Limits(close_timeout=60.0)
LARGE = bytes(3_000_000)


async def open_stream(connection: Connection) -> None:
    async with connection.open_stream(ECHO):
        pass


async def open_and_wait(connection: Connection) -> None:
    stream = await connection.open_stream(ECHO)
    await stream.aclose()


async def read(connection: Connection) -> None:
    async with connection.open_stream(ECHO) as stream:
        await stream.write(b"there and back")
        assert await stream.read_exactly(14) == b"there and back"


async def write(connection: Connection) -> None:
    async with connection.open_stream(SINK) as stream:
        await stream.write(LARGE)


async def close_write(connection: Connection) -> None:
    async with connection.open_stream(SINK) as stream:
        await stream.write(b"abc")
        await stream.close_write()
        assert await stream.read() == b"3"
        assert await stream.wait_acknowledged()


async def aclose_stream(connection: Connection) -> None:
    stream = await connection.open_stream(SINK)
    try:
        await stream.write(LARGE[:100_000])
    finally:
        await stream.aclose()


async def repeated_pings(connection: Connection) -> None:
    async with ping_stream(connection) as pings:
        for _ in range(3):
            await pings.ping()


OPERATIONS = [open_stream, open_and_wait, read, write, close_write, aclose_stream, ping, repeated_pings]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_cancelled_operation_leaves_the_connection_as_it_was(operation: Operation) -> None:
    async with connected_pair(limits=LIMITS) as (client, server, _):
        count = 0
        finished = False
        while not finished:
            count += 1
            finished = await cancelled_at(count, lambda: operation(client))
        assert count > 2
        for turns in turns_to_try():
            if await cancelled_after_turns(turns, lambda: operation(client)):
                break
        await settled(lambda: client.streams == server.streams == 0, "no stream is left")
        await settled(
            lambda: client.stats().unread_bytes == server.stats().unread_bytes == 0, "no byte is left"
        )
        await settled(lambda: client.stats().unsent_bytes == 0, "all credit is back")
        assert await ping(client) > 0
        assert await ping(server) > 0


async def _listen() -> None:
    async with webrtc_direct.listen([ADDRESS, ADDRESS], handlers=HANDLERS, limits=LIMITS):
        pass


async def _everything() -> None:
    async with (
        webrtc_direct.listen(ADDRESS, handlers=HANDLERS, limits=LIMITS) as listener,
        webrtc_direct.dial(listener.addresses[0], limits=LIMITS) as connection,
    ):
        await ping(connection)
        async with connection.open_stream(ECHO) as stream:
            await stream.write(LARGE[:200_000])
            await stream.close_write()
            async for _ in stream:
                pass
            assert await stream.wait_acknowledged()
        await connection.aclose()


@pytest.mark.parametrize("scenario", [_listen, _everything])
async def test_a_cancelled_listener_and_dialer_leave_nothing(scenario: Callable[[], Awaitable[None]]) -> None:
    count = 0
    while not await cancelled_at(count := count + 1, scenario):
        pass
    assert count > 2
    for turns in turns_to_try():
        if await cancelled_after_turns(turns, scenario):
            break


async def test_a_cancelled_dial_leaves_nothing_at_either_end() -> None:
    async with webrtc_direct.listen(ADDRESS, limits=LIMITS) as listener:

        async def dial() -> None:
            async with webrtc_direct.dial(listener.addresses[0], limits=LIMITS):
                pass

        within = Holdings()
        count = 0
        while not await cancelled_at(count := count + 1, dial):
            pass
        assert count > 2
        for turns in turns_to_try():
            if await cancelled_after_turns(turns, dial):
                break
        await settled(lambda: listener.connections == [], "the listener has no connection")
        await within.returned()
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            await ping(connection)


async def _aclose_with_work_to_do(connection: Connection) -> None:
    stream = await connection.open_stream(SINK)
    await stream.write(LARGE)
    await stream.close_write()


async def test_a_cancelled_aclose_ends_the_connection_at_both_ends() -> None:
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS, limits=LIMITS) as listener:
        count = 0
        finished = False
        while not finished:
            count += 1
            async with webrtc_direct.dial(listener.addresses[0], limits=LIMITS) as connection:
                await _aclose_with_work_to_do(connection)
                finished = await cancelled_at(count, connection.aclose)
                with anyio.fail_after(LIMITS.close_timeout / 2):
                    await connection.wait_closed()
        assert count > 1
        await settled(lambda: listener.connections == [], "the listener has no connection")


async def test_of_two_that_close_one_may_be_cancelled() -> None:
    async with connected_pair(limits=LIMITS) as (client, server, _):
        # A stream whose end the peer confirms late, so that the close has something to wait for.
        await _aclose_with_work_to_do(client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.aclose)
            with anyio.CancelScope() as scope:
                scope.cancel()
                await client.aclose()
        assert (await client.wait_closed()).kind is webrtc_direct.CloseKind.LOCAL
        assert (await server.wait_closed()).kind is webrtc_direct.CloseKind.REMOTE


async def test_a_cancelled_wait_for_the_end_does_not_end_it() -> None:
    async with connected_pair() as (client, server, _):
        for connection in (client, server):
            assert not await cancelled_at(1, connection.wait_closed)
        assert await ping(client) > 0


async def test_a_cancelled_reader_loses_no_byte() -> None:
    async with connected_pair() as (client, _, _), client.open_stream(ECHO) as stream:
        received = bytearray()
        sent = bytearray()
        for index in range(100):
            part = bytes([index]) * (1 + 97 * index)
            await stream.write(part)
            sent += part

            async def some() -> None:
                received.extend(await stream.read(5000))

            await cancelled_after_turns(index % 7, some)
        await stream.close_write()
        async for chunk in stream:
            received += chunk
        assert received == sent


async def test_a_cancelled_writer_repeats_no_byte_and_leaves_no_gap() -> None:
    # What a cancelled write has sent is a beginning of its data, then the next write follows.
    async with connected_pair() as (client, _, _), client.open_stream(ECHO) as stream:
        sizes = [1_000_000 + index for index in range(8)]
        received = bytearray()

        async def collect() -> None:
            async for chunk in stream:
                received.extend(chunk)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect)
            for index, size in enumerate(sizes):
                data = bytes([index + 1]) * size
                await cancelled_after_turns(3 * index, partial(stream.write, data))
            await stream.close_write()
        at = 0
        for index, size in enumerate(sizes):
            count = received.count(bytes([index + 1]))
            assert count <= size
            assert received[at : at + count] == bytes([index + 1]) * count
            at += count
        assert at == len(received)
