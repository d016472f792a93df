"""Who opens a connection, or a listener, in one task and closes it in another, or in any order, harms nobody.

On trio it is an error to close it in another task (``docs/howto/event-loops.md``), of who does it.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from tests.faults.support import ADDRESS, HANDLERS
from tests.support import SECONDS, echo, settled

import webrtc_direct
from webrtc_direct import CloseKind, LocalProtocolError, Stream, ping
from webrtc_direct.platform.memory import MemoryListener, MemoryNetwork, MemoryPlatform

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from anyio.abc import TaskGroup, TaskStatus

    from webrtc_direct import Connection, Listener
    from webrtc_direct.platform.base import ListenParameters, PeerConnection

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])
WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
            yield listener
            await settled(lambda: listener.connections == [], "every connection has ended")


async def connections(address: str) -> AsyncGenerator[Connection, None]:
    """Give a connection for ever: whoever has enough of it breaks off."""
    async with webrtc_direct.dial(address) as connection:
        while True:
            yield connection


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0)], ids=str)
async def test_connections_are_closed_in_any_order(order: tuple[int, ...]) -> None:
    async with listening() as listener:
        managers = [webrtc_direct.dial(listener.addresses[0]) for _ in order]
        opened = [await manager.__aenter__() for manager in managers]
        for closed, index in enumerate(order):
            await managers[index].__aexit__(None, None, None)
            assert (await opened[index].wait_closed()).kind is CloseKind.LOCAL
            for open_still in order[closed + 1 :]:
                assert await ping(opened[open_still]) > 0


@on_asyncio
async def test_a_scope_of_the_owner_may_begin_and_end_between() -> None:
    async with listening() as listener:
        first, second = (webrtc_direct.dial(listener.addresses[0]) for _ in range(2))
        await first.__aenter__()
        async with anyio.create_task_group():
            connection = await second.__aenter__()
            await first.__aexit__(None, None, None)
        assert await ping(connection) > 0
        async with asyncio.TaskGroup(), asyncio.timeout(SECONDS):
            await second.__aexit__(None, None, None)


@on_asyncio
@pytest.mark.parametrize("end", [None, ValueError("the body")], ids=["at its end", "by an error"])
async def test_what_one_task_opens_another_closes(end: Exception | None) -> None:
    """The task that opened it, its siblings and who closes it go on."""
    done = []
    async with listening() as listener:
        manager = webrtc_direct.dial(listener.addresses[0])
        opened, closed = asyncio.Event(), asyncio.Event()

        async def opens() -> None:
            await manager.__aenter__()
            opened.set()
            await closed.wait()
            done.append("opener")

        async def is_beside() -> None:
            await closed.wait()
            done.append("sibling")

        async def closes() -> None:
            await opened.wait()
            await manager.__aexit__(None if end is None else type(end), end, None)
            closed.set()
            await anyio.lowlevel.checkpoint()
            done.append("closer")

        async with anyio.create_task_group() as tasks:
            for each in (opens, is_beside, closes):
                tasks.start_soon(each)
    assert sorted(done) == ["closer", "opener", "sibling"]


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_on_trio_another_task_closes_the_connection_and_gets_an_error() -> None:
    async with listening() as listener:
        manager = webrtc_direct.dial(listener.addresses[0])
        connection = await manager.__aenter__()

        async def closes() -> None:
            with pytest.raises(LocalProtocolError, match="another task"):
                await manager.__aexit__(None, None, None)
            assert (await connection.wait_closed()).kind is CloseKind.LOCAL

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(closes)
        # The block is left with the next one; without one, trio would complain at the end of this task.
        async with webrtc_direct.dial(listener.addresses[0]) as another:
            assert await ping(another) > 0


@on_asyncio
async def test_a_listener_is_opened_by_one_task_and_closed_by_another() -> None:
    manager = webrtc_direct.listen(ADDRESS, handlers=HANDLERS)
    listener = await asyncio.create_task(manager.__aenter__())
    async with webrtc_direct.dial(listener.addresses[0]) as connection:
        assert await echo(connection, b"hello") == b"hello"
        await asyncio.create_task(manager.__aexit__(None, None, None))
        assert (await connection.wait_closed()).kind is CloseKind.REMOTE


@on_asyncio
@pytest.mark.parametrize("forget", [True, False], ids=["collected", "closed"])
async def test_an_abandoned_generator_ends_its_connection_and_nothing_else(*, forget: bool) -> None:
    async with listening() as listener:
        generator = connections(listener.addresses[0])
        connection = await anext(generator)
        if forget:
            del generator
            gc.collect()
        else:
            await asyncio.create_task(generator.aclose())
        reason = await connection.wait_closed()
        assert reason.kind is CloseKind.LOCAL
        # The owner is not cancelled: it still can wait.
        await anyio.sleep(0.01)


@pytest.mark.parametrize("run", [asyncio.run, lambda main: anyio.run(lambda: main)], ids=["asyncio", "anyio"])
def test_the_end_of_the_loop_closes_an_abandoned_generator(
    run: Callable[[object], object], caplog: pytest.LogCaptureFixture
) -> None:
    kept = []

    async def main() -> None:
        async with listening() as listener:
            kept.append(connections(listener.addresses[0]))
            async for connection in kept[0]:
                assert await ping(connection) > 0
                break
            connection.abort()

    run(main())
    assert caplog.text == ""


@pytest.mark.parametrize("own", [False, True], ids=["cancelled", "by an own error"])
async def test_a_block_that_fails_ends_its_body(*, own: bool) -> None:
    class Failing(MemoryListener):
        """A listener that breaks."""

        async def accept(self) -> PeerConnection:  # type: ignore[override]
            await anyio.sleep(0.01)
            raise ArithmeticError("the listener broke")

    class Broken(MemoryPlatform):
        """A platform of such listeners."""

        async def listen(self, task_group: TaskGroup, parameters: ListenParameters) -> MemoryListener:
            return Failing(network, task_group, parameters)

    network = MemoryNetwork()

    async def serve() -> None:
        async with webrtc_direct.listen(ADDRESS, platform=Broken(network)):
            try:
                await anyio.sleep(SECONDS)
            finally:
                if own:
                    raise ValueError("the body")

    with pytest.raises((ArithmeticError, ExceptionGroup)) as caught:
        await serve()
    found = caught.value.exceptions if isinstance(caught.value, ExceptionGroup) else [caught.value]
    assert any(isinstance(error, ArithmeticError) for error in found)
    # Nobody is cancelled any more.
    await anyio.sleep(0.01)


async def test_handlers_run_in_the_context_of_who_opened_the_block() -> None:
    async def who(stream: Stream) -> None:
        await stream.write(WHO.get().encode())

    token = WHO.set("the owner")
    async with (
        webrtc_direct.listen(ADDRESS, handlers={"/who": who}) as listener,
        webrtc_direct.dial(listener.addresses[0]) as connection,
        connection.open_stream("/who") as stream,
    ):
        assert await stream.read() == b"the owner"
    WHO.reset(token)


@on_asyncio
async def test_a_second_cancellation_leaves_nothing_either() -> None:
    async with listening() as listener:

        async def holds() -> None:
            async with webrtc_direct.dial(listener.addresses[0]):
                await asyncio.sleep(SECONDS)

        for turns in range(12):
            task = asyncio.create_task(holds())
            await settled(lambda: listener.connections != [], "it is connected")
            task.cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            await settled(lambda: listener.connections == [], "it is closed")


async def test_a_task_that_holds_a_connection_lets_others_close_it_in_any_order() -> None:
    """The way out on trio, as the how-to has it."""
    async with listening() as listener, anyio.create_task_group() as tasks:

        async def hold(*, task_status: TaskStatus[Connection]) -> None:
            async with webrtc_direct.dial(listener.addresses[0]) as connection:
                task_status.started(connection)
                await connection.wait_closed()

        first = await tasks.start(hold)
        second = await tasks.start(hold)
        async with anyio.create_task_group() as others:
            others.start_soon(first.aclose)
        assert await ping(second) > 0
        await second.aclose()
