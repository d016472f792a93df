"""Cancelling at any moment leaves no task, no address in use, and no stream behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from webrtc_direct import Limits, echo_handler, identify, ping
from webrtc_direct.protocols.echo import ECHO_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration_memory.conftest import Ends, Settled

ADDRESS = "/ip4/127.0.0.1/udp/4001/webrtc-direct"
ECHO = {ECHO_PROTOCOL: echo_handler}
# A graceful close is not cut short by its bound here, only by the cancellation.
LIMITS = Limits(close_timeout=10)


async def _cancel_at_each_turn(scenario: Callable[[], Awaitable[None]]) -> int:
    """Run *scenario* again and again, cancelled one turn of the event loop later each time."""
    turns = 0
    finished = False

    async def run() -> None:
        nonlocal finished
        await scenario()
        finished = True

    while not finished:
        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        turns += 1
    return turns


async def test_everything_from_listen_to_close(ends: Ends) -> None:
    async def scenario() -> None:
        async with ends.listen(ADDRESS, handlers=ECHO, limits=LIMITS) as listener:
            async with ends.dial(listener.addresses[0], limits=LIMITS) as connection:
                await ping(connection)
                await identify(connection)
                async with connection.open_stream(ECHO_PROTOCOL) as stream:
                    await stream.write(bytes(100_000))
                    await stream.close_write()
                    while await stream.read():
                        pass
                    assert await stream.wait_acknowledged()
                await connection.aclose()

    assert await _cancel_at_each_turn(scenario) > 20
    async with ends.listen(ADDRESS):
        pass


async def test_a_cancelled_dial_leaves_nothing_at_the_listener(ends: Ends, settled: Settled) -> None:
    async def scenario() -> None:
        async with ends.dial(listener.addresses[0], limits=LIMITS) as connection:
            await ping(connection)

    async with ends.listen(handlers=ECHO, limits=LIMITS) as listener:
        assert await _cancel_at_each_turn(scenario) > 10
        await settled(lambda: listener.connections == [])


async def test_a_cancelled_operation_leaves_the_connection_usable(ends: Ends, settled: Settled) -> None:
    async def scenario() -> None:
        async with pair.client.open_stream(ECHO_PROTOCOL) as stream:
            await stream.write(bytes(2_000_000))
            await stream.close_write()
            while await stream.read():
                pass

    async with ends.pair(server=ECHO, limits=LIMITS) as pair:
        assert await _cancel_at_each_turn(scenario) > 5
        await ping(pair.client)
        await settled(lambda: pair.client.streams == pair.server.streams == 0)
        await settled(lambda: pair.client.stats().unread_bytes == pair.server.stats().unread_bytes == 0)


async def test_a_cancelled_reader_loses_no_byte(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair, pair.client.open_stream(ECHO_PROTOCOL) as stream:
        received = b""
        for index in range(50):
            with anyio.CancelScope() as scope:
                await stream.write(bytes([index]))
                for _ in range(index % 5):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()
                received += await stream.read()
        await stream.close_write()
        async for chunk in stream:
            received += chunk
        assert received == bytes(range(50))
