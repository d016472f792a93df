"""How connections, dials and listeners end: nothing hangs or is left, exceptions come out as they are."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import CloseKind, ConnectionLost, Limits, Stream, echo_handler, ping
from webrtc_direct.protocols.echo import ECHO_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration_memory.conftest import Ends, Pair

ECHO = {ECHO_PROTOCOL: echo_handler}
OWN = "/own/1"


async def _sleep(stream: Stream) -> None:
    await anyio.sleep_forever()


@pytest.mark.parametrize(
    "how", ["lost", "closed by the peer", "aborted by the peer", "aborted here", "closed here"]
)
async def test_the_end_of_a_connection_ends_everything_that_waits(ends: Ends, how: str) -> None:
    lost: list[ConnectionLost] = []

    async def expect(wait: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(ConnectionLost) as caught:
            await wait()
        lost.append(caught.value)

    async with ends.pair(server={OWN: _sleep}, limits=Limits(close_timeout=0.2)) as pair:
        streams = [await pair.client.open_stream(OWN) for _ in range(3)]
        await streams[2].close_write()
        assert await streams[2].wait_acknowledged()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(expect, streams[0].read)
            tasks.start_soon(expect, lambda: streams[1].write(bytes(10_000_000)))
            tasks.start_soon(expect, streams[2].read)
            await anyio.wait_all_tasks_blocked()
            pair.link.pause()
            streams[0].connection.handle("/x", _sleep)
            tasks.start_soon(expect, lambda: pair.client.open_stream("/unanswered/1"))
            await anyio.wait_all_tasks_blocked()
            await _end(pair, how)
            reason = await pair.client.wait_closed()
        assert [error.reason for error in lost] == [reason] * 4
        expected = {
            "lost": CloseKind.TIMEOUT,
            "aborted here": CloseKind.LOCAL,
            "closed here": CloseKind.LOCAL,
        }
        assert reason.kind is expected.get(how, CloseKind.REMOTE)
        with pytest.raises(ConnectionLost):
            await pair.client.open_stream(OWN)
        with pytest.raises(ConnectionLost):
            await streams[0].write(b"x")
        assert await streams[2].wait_acknowledged()


async def _end(pair: Pair, how: str) -> None:
    if how == "lost":
        pair.link.lose()
    elif how == "aborted here":
        pair.client.abort()
    elif how == "closed here":
        await pair.client.aclose()
    else:
        pair.link.resume()
        if how == "closed by the peer":
            await pair.server.aclose()
        else:
            pair.server.abort()


async def test_wait_acknowledged_ends_with_the_connection(ends: Ends) -> None:
    async with ends.pair(server={OWN: _sleep}, limits=Limits(close_timeout=0.1)) as pair:
        stream = await pair.client.open_stream(OWN)
        pair.link.pause()
        await stream.close_write()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_expect_lost, stream.wait_acknowledged)
            await anyio.wait_all_tasks_blocked()
            pair.link.lose()


async def _expect_lost(wait: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(ConnectionLost):
        await wait()


async def test_what_arrived_before_the_end_can_still_be_read(ends: Ends) -> None:
    async def write(stream: Stream) -> None:
        await stream.write(bytes(200_000))
        await stream.connection.aclose()

    async with ends.pair(server={OWN: write}) as pair, pair.client.open_stream(OWN) as stream:
        await pair.client.wait_closed()
        assert len(await stream.read_exactly(200_000)) == 200_000
        with pytest.raises(ConnectionLost):
            await stream.read()


async def test_closing_delivers_what_was_written(ends: Ends) -> None:
    received = anyio.Event()

    async def read(stream: Stream) -> None:
        assert len(b"".join([chunk async for chunk in stream])) == 5_000_000
        received.set()

    async with ends.listen(handlers={OWN: read}) as listener:
        async with ends.dial(listener.addresses[0]) as connection:
            stream = await connection.open_stream(OWN)
            await stream.write(bytes(5_000_000))
            await stream.close_write()
        with anyio.fail_after(5):
            await received.wait()


async def test_closing_is_bounded_when_the_peer_does_not_answer(ends: Ends) -> None:
    limits = Limits(close_timeout=0.1)
    with anyio.fail_after(2):
        async with ends.pair(server=ECHO, limits=limits) as pair:
            stream = await pair.client.open_stream(ECHO_PROTOCOL)
            pair.link.pause()
            await stream.write(b"never delivered")
            await stream.close_write()


async def test_a_handler_that_outlives_its_connection_is_cancelled(ends: Ends) -> None:
    cancelled = anyio.Event()

    async def outlive(stream: Stream) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    limits = Limits(close_timeout=0.1)
    async with ends.listen(handlers={OWN: outlive}, limits=limits) as listener:
        async with ends.dial(listener.addresses[0], limits=limits) as connection:
            await connection.open_stream(OWN)
            connection.abort()
        with anyio.fail_after(5):
            await cancelled.wait()


async def test_a_users_exception_comes_out_of_dial_as_it_is(ends: Ends) -> None:
    error = ZeroDivisionError()
    async with ends.listen(handlers=ECHO) as listener:
        with pytest.raises(ZeroDivisionError) as caught:  # noqa: PT012 - what the block does before matters
            async with ends.dial(listener.addresses[0]) as connection:
                await connection.open_stream(ECHO_PROTOCOL)
                raise error
        assert caught.value is error
        assert error.__context__ is None
        assert (await connection.wait_closed()).kind is CloseKind.LOCAL


async def test_a_users_group_of_exceptions_is_not_put_into_another_one(ends: Ends) -> None:
    errors = [KeyError("x"), ValueError("y")]
    async with ends.listen() as listener:
        with pytest.raises(ExceptionGroup, match="mine") as caught:
            async with ends.dial(listener.addresses[0]):
                raise ExceptionGroup("mine", errors)
        assert list(caught.value.exceptions) == errors


async def test_a_users_exception_comes_out_of_listen_as_it_is(ends: Ends) -> None:
    error = ZeroDivisionError()
    async with anyio.create_task_group() as tasks:
        lost = anyio.Event()

        async def stay(address: str, *, task_status: anyio.abc.TaskStatus[None]) -> None:
            async with ends.dial(address) as connection:
                await ping(connection)
                task_status.started()
                assert (await connection.wait_closed()).kind is CloseKind.REMOTE
            lost.set()

        with pytest.raises(ZeroDivisionError) as caught:  # noqa: PT012 - what the block does before matters
            async with ends.listen() as listener:
                await tasks.start(stay, listener.addresses[0])
                raise error
        assert caught.value is error
        with anyio.fail_after(5):
            await lost.wait()


async def test_leaving_listen_closes_its_connections_and_frees_the_address(ends: Ends) -> None:
    address = "/ip4/127.0.0.1/udp/4001/webrtc-direct"
    async with anyio.create_task_group() as tasks:

        async def stay(address: str, *, task_status: anyio.abc.TaskStatus[None]) -> None:
            async with ends.dial(address) as connection, connection.open_stream(ECHO_PROTOCOL) as stream:
                task_status.started()
                with pytest.raises(ConnectionLost):
                    await stream.read()

        async with ends.listen(address, handlers=ECHO) as listener:
            for _ in range(3):
                await tasks.start(stay, listener.addresses[0])
    async with ends.listen(address):
        pass


async def test_nothing_refers_to_a_connection_that_ended(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair:
        async with pair.client.open_stream(ECHO_PROTOCOL) as stream:
            await stream.write(b"x")
        ended = [weakref.ref(thing) for thing in (pair.client, pair.server, stream)]
    del pair, stream
    ends.network.links.clear()
    gc.collect()
    assert [reference() for reference in ended] == [None] * 3
