"""A handler that fails costs its own stream, and one line of the log."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from tests.faults.support import ADDRESS, connected_pair, echoes
from tests.support import ECHO, SECONDS, settled

import webrtc_direct
from webrtc_direct import HandshakeError, Stream, StreamClosed, StreamReset, echo_handler, ping

if TYPE_CHECKING:
    from webrtc_direct import Connection, Handler


# Both ends in one process, whose handler raises what its second argument names.
ENDING_PROGRAM = """
import builtins, sys
import anyio, webrtc_direct

backend, name = sys.argv[1:]

async def ends(stream):
    raise getattr(builtins, name)

async def main():
    address = "/ip4/127.0.0.1/udp/0/webrtc-direct"
    async with webrtc_direct.listen(address, handlers={"/ends": ends}) as listener:
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            async with connection.open_stream("/ends") as stream:
                await stream.read()
                await anyio.sleep_forever()

try:
    anyio.run(main, backend=backend)
except BaseException as error:
    # On trio it may stand in a group, with what else failed for it.
    kind = getattr(builtins, name)
    found = isinstance(error, kind) or error.subgroup(kind) is not None
    print(name if found else repr(error))
"""


async def at_once(stream: Stream) -> None:
    raise ValueError("at once")


async def after_reading(stream: Stream) -> None:
    await stream.read()
    raise RuntimeError("after reading")


async def in_a_group(stream: Stream) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(at_once, stream)
        tasks.start_soon(after_reading, stream)


async def after_closing(stream: Stream) -> None:
    await stream.aclose()
    raise ValueError("after closing")


async def by_assertion(stream: Stream) -> None:
    await stream.write(bytes(100_000))
    raise AssertionError


async def awaits_a_cancelled_task(stream: Stream) -> None:
    task = asyncio.create_task(asyncio.sleep(SECONDS))
    task.cancel()
    await task


async def awaits_a_cancelled_future(stream: Stream) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def raises_cancelled(stream: Stream) -> None:
    raise asyncio.CancelledError


async def cancels_itself(stream: Stream) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await anyio.lowlevel.checkpoint()


async def raises_it_in_a_group(stream: Stream) -> None:
    raise BaseExceptionGroup("a handler", [asyncio.CancelledError(), ValueError("a handler")])


async def raises_generator_exit(stream: Stream) -> None:
    raise GeneratorExit


CANCELLED = [
    awaits_a_cancelled_task,
    awaits_a_cancelled_future,
    raises_cancelled,
    cancels_itself,
    raises_it_in_a_group,
    raises_generator_exit,
]

HANDLERS = {
    "/at-once": at_once,
    "/after-reading": after_reading,
    "/in-a-group": in_a_group,
    "/by-assertion": by_assertion,
    ECHO: echo_handler,
}


async def _use(connection: Connection, protocol: str) -> None:
    # The reset may overtake the answer that the protocol is agreed.
    async with connection.open_stream(protocol) as stream:
        await stream.write(b"go on")
        while await stream.read():
            pass


def failures(log: list[str]) -> list[str]:
    return [entry for entry in log if not entry.startswith(("DEBUG", "INFO"))]


@pytest.mark.parametrize("protocol", [name for name in HANDLERS if name != ECHO])
@pytest.mark.logs_errors
async def test_a_handler_that_raises_resets_its_stream_and_nothing_else(
    protocol: str, log: list[str]
) -> None:
    with anyio.fail_after(SECONDS):
        async with connected_pair(HANDLERS) as (client, server, _), client.open_stream(ECHO) as other:
            with pytest.raises(StreamReset):
                await _use(client, protocol)
            await other.write(b"unharmed")
            assert await other.read_exactly(8) == b"unharmed"
            assert await ping(client) > 0
            await settled(lambda: client.streams == server.streams == 1, "only the other stream is left")
    (failure,) = failures(log)
    assert failure.startswith("ERROR webrtc_direct.connection")
    assert protocol in failure
    assert "Traceback" in failure


@pytest.mark.logs_errors
@pytest.mark.parametrize("handler", CANCELLED, ids=lambda handler: handler.__name__)
async def test_what_a_handler_cancels_or_finds_cancelled_is_its_own_affair(
    handler: Handler, log: list[str], anyio_backend_name: str
) -> None:
    # What asyncio cancels has no meaning to trio, where only a scope cancels.
    if anyio_backend_name == "trio" and handler not in (raises_cancelled, raises_generator_exit):
        return
    with anyio.fail_after(SECONDS):
        async with (
            connected_pair({**HANDLERS, "/cancelled": handler}) as (client, server, listener),
            client.open_stream(ECHO) as other,
            webrtc_direct.dial(listener.addresses[0]) as another_client,
        ):
            with pytest.raises(StreamReset):
                await _use(client, "/cancelled")
            await other.write(b"unharmed")
            assert await other.read_exactly(8) == b"unharmed"
            assert await ping(another_client) > 0
            await settled(lambda: client.streams == server.streams == 1, "only the other stream is left")
    (failure,) = failures(log)
    assert "/cancelled" in failure


@pytest.mark.logs_errors
@pytest.mark.parametrize("hook", ["accept", "on_connected", "on_disconnected"])
async def test_a_hook_that_raises_a_cancellation_harms_nothing(hook: str, log: list[str]) -> None:
    def fails(*_: object) -> bool:
        raise asyncio.CancelledError

    accept = fails if hook == "accept" else None
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, accept=accept) as listener:
            if hook != "accept":
                setattr(listener, hook, fails)
            for _ in range(2):
                with suppress(HandshakeError):
                    async with webrtc_direct.dial(listener.addresses[0], timeout=2) as client:
                        assert await ping(client) > 0
                await settled(lambda: not listener.connections, "the connection has ended")
            await settled(lambda: len(failures(log)) == 2, "both failures are logged")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit"])
def test_what_ends_a_program_ends_it_from_a_handler_as_well(error: str, backend: str) -> None:
    command = [sys.executable, "-W", "error", "-c", ENDING_PROGRAM, backend, error]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"{error}\n"), ended.stderr


@pytest.mark.logs_errors
async def test_a_handler_that_raises_after_closing_has_delivered(log: list[str]) -> None:
    with anyio.fail_after(SECONDS):
        async with connected_pair({"/after-closing": after_closing}) as (client, _, _):
            async with client.open_stream("/after-closing") as stream:
                assert await stream.read() == b""
    assert len(failures(log)) == 1


async def test_a_stream_error_of_the_peers_making_is_not_logged_as_a_failure(
    log: list[str],
) -> None:
    with anyio.fail_after(SECONDS):
        async with connected_pair(HANDLERS) as (client, server, _):
            stream = await client.open_stream(ECHO)
            await stream.write(b"x")
            stream.reset()
            await settled(lambda: server.streams == 0, "the handler has ended")
    assert failures(log) == []


@pytest.mark.logs_errors
async def test_a_handler_of_the_dialer_that_raises_harms_nothing(log: list[str]) -> None:
    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen(ADDRESS) as listener,
            webrtc_direct.dial(listener.addresses[0], handlers=HANDLERS) as client,
        ):
            await settled(lambda: bool(listener.connections), "connected")
            (server,) = listener.connections
            with pytest.raises(StreamReset):
                await _use(server, "/at-once")
            assert await echoes(server, b"fine")
            assert await ping(client) > 0
    assert len(failures(log)) == 1


@pytest.mark.logs_errors
async def test_a_hook_that_raises_harms_nothing(log: list[str]) -> None:
    def fails(*_: object) -> None:
        raise ValueError("a hook")

    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
            listener.on_connected = listener.on_disconnected = fails
            async with webrtc_direct.dial(listener.addresses[0]) as client:
                assert await echoes(client, b"fine")
            await settled(lambda: listener.connections == [], "it has gone")
            async with webrtc_direct.dial(listener.addresses[0]) as client:
                assert await echoes(client, b"fine")
    assert len(failures(log)) >= 3


@pytest.mark.parametrize("use", ["read", "write"])
async def test_a_stream_of_a_handler_that_returned_is_closed_for_it(use: str) -> None:
    kept: list[Stream] = []

    async def keep(stream: Stream) -> None:
        kept.append(stream)

    with anyio.fail_after(SECONDS):
        async with connected_pair({"/keep": keep}) as (client, _, _), client.open_stream("/keep") as stream:
            assert await stream.read() == b""
            with pytest.raises(StreamClosed):
                await (kept[0].read() if use == "read" else kept[0].write(b"too late"))
            kept.clear()
