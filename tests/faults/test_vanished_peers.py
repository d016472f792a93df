"""A peer stopped for a while loses nothing; one that is killed ends all that waits, with a reason."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import sys
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.faults.support import ECHO, SECONDS, SINK, STRESS, echoes, peer_process, settled

import webrtc_direct
from webrtc_direct import CloseKind, ConnectionLost, Limits, ping
from webrtc_direct.protocols.ping import ping_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# How long a peer is stopped; well below the silence that ends a connection.
STOPPED = 10.0 if STRESS else 1.0
SILENCE = 1.5


async def test_a_stopped_peer_goes_on_where_it_was() -> None:
    data = secrets.token_bytes(20_000_000)
    with anyio.fail_after(4 * SECONDS):
        async with peer_process() as (pid, address), webrtc_direct.dial(address) as connection:
            async with connection.open_stream(SINK) as upload, connection.open_stream("/source") as download:
                written = anyio.Event()
                received = 0

                async def write() -> None:
                    await upload.write(data)
                    await upload.close_write()
                    written.set()

                async def read() -> None:
                    nonlocal received
                    await download.write(len(data).to_bytes(8, "big"))
                    async for chunk in download:
                        received += len(chunk)

                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(write)
                    tasks.start_soon(read)
                    await settled(lambda: received > len(data) // 20, "the transfer has begun")
                    os.kill(pid, signal.SIGSTOP)
                    await anyio.sleep(STOPPED)
                    assert not written.is_set()
                    assert received < len(data)
                    os.kill(pid, signal.SIGCONT)
                assert received == len(data)
                assert await upload.read_exactly(32) == hashlib.sha256(data).digest()
            assert await ping(connection) > 0


async def test_writers_on_many_streams_to_a_stopped_peer_wait_and_lose_nothing() -> None:
    streams, size = 60, 300_000
    limits = Limits()
    done = 0

    async def one() -> None:
        nonlocal done
        assert await echoes(connection, secrets.token_bytes(size))
        done += 1

    with anyio.fail_after(4 * SECONDS):
        async with peer_process() as (pid, address), webrtc_direct.dial(address, limits=limits) as connection:
            await ping(connection)
            os.kill(pid, signal.SIGSTOP)
            async with anyio.create_task_group() as tasks:
                for _ in range(streams):
                    tasks.start_soon(one)
                # The openers' first frames, and no more than the limit of what they would write.
                await anyio.sleep(STOPPED / 2)
                assert connection.stats().unsent_bytes <= limits.unsent_bytes + streams * 1024
                assert done == 0
                os.kill(pid, signal.SIGCONT)
            assert done == streams


async def test_writers_who_fill_every_buffer_toward_a_stopped_peer_wait() -> None:
    streams = 40
    limits = Limits()
    with anyio.fail_after(4 * SECONDS):
        async with peer_process() as (pid, address), webrtc_direct.dial(address, limits=limits) as connection:
            opened = [await connection.open_stream(SINK) for _ in range(streams)]
            os.kill(pid, signal.SIGSTOP)
            data = bytes(1_000_000)
            async with anyio.create_task_group() as tasks:
                for stream in opened:
                    tasks.start_soon(stream.write, data)
                await settled(
                    lambda: connection.stats().unsent_bytes >= limits.unsent_bytes, "the writers wait"
                )
                await anyio.sleep(STOPPED / 2)
                # One frame may overstep it.
                assert connection.stats().unsent_bytes < limits.unsent_bytes + 2 * 16384
                os.kill(pid, signal.SIGCONT)
            for stream in opened:
                await stream.close_write()
                assert await stream.read_exactly(32) == hashlib.sha256(data).digest()


async def test_a_killed_peer_ends_everything_that_waits_with_a_reason() -> None:
    limits = Limits(silence_timeout=SILENCE, consent_interval=0.3)
    reasons: dict[str, CloseKind] = {}

    async def lost(name: str, operation: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(ConnectionLost) as caught:  # noqa: PT012 - one call of many loses it
            while True:
                await operation()
        reasons[name] = caught.value.reason.kind
        assert caught.value.reason.detail

    with anyio.fail_after(SECONDS):
        async with peer_process() as (pid, address), webrtc_direct.dial(address, limits=limits) as connection:
            reading = await connection.open_stream(ECHO)
            writing = await connection.open_stream("/unread")
            closed = await connection.open_stream(SINK)
            await ping(connection)
            async with ping_stream(connection) as pings:
                os.kill(pid, signal.SIGKILL)
                await closed.write(b"unconfirmed")
                await closed.close_write()
                started = anyio.current_time()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(lost, "read", reading.read)
                    tasks.start_soon(lost, "write", lambda: writing.write(bytes(100_000)))
                    tasks.start_soon(lost, "open_stream", lambda: connection.open_stream(ECHO))
                    tasks.start_soon(lost, "ping", pings.ping)
                    tasks.start_soon(lost, "a new ping", lambda: ping(connection))
                    tasks.start_soon(lost, "wait_acknowledged", closed.wait_acknowledged)
                    reason = await connection.wait_closed()
            assert SILENCE / 2 < anyio.current_time() - started
            assert reason.kind is CloseKind.TIMEOUT
            assert set(reasons.values()) == {CloseKind.TIMEOUT}
            assert len(reasons) == 6
            # And whatever comes later, at once.
            await lost("afterwards", reading.read)
            with anyio.fail_after(1):
                await connection.aclose()


async def test_a_connection_closes_in_time_though_its_peer_was_killed() -> None:
    limits = Limits(close_timeout=0.5)
    with anyio.fail_after(SECONDS):
        async with peer_process() as (pid, address):
            async with webrtc_direct.dial(address, limits=limits) as connection:
                stream = await connection.open_stream(SINK)
                await stream.write(b"unconfirmed")
                await stream.close_write()
                os.kill(pid, signal.SIGKILL)
            assert (await connection.wait_closed()).kind is CloseKind.LOCAL


async def test_a_listener_learns_that_a_dialer_was_killed() -> None:
    limits = Limits(silence_timeout=SILENCE, consent_interval=0.3)
    lost = anyio.Event()
    waiting = anyio.Event()

    async def handler(stream: webrtc_direct.Stream) -> None:
        await stream.read_exactly(1)
        waiting.set()
        with pytest.raises(ConnectionLost) as caught:
            await stream.read()
        assert caught.value.reason.kind is CloseKind.TIMEOUT
        lost.set()

    program = (
        "import sys, anyio, webrtc_direct\n"
        "async def main():\n"
        "    async with webrtc_direct.dial(sys.argv[1]) as connection:\n"
        "        stream = await connection.open_stream('/wait')\n"
        "        await stream.write(b'.')\n"
        "        await anyio.sleep_forever()\n"
        "anyio.run(main)\n"
    )
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(
            "/ip4/127.0.0.1/udp/0/webrtc-direct", handlers={"/wait": handler}, limits=limits
        ) as listener:
            command = [sys.executable, "-c", program, listener.addresses[0]]
            async with await anyio.open_process(command, stdin=None, stdout=None, stderr=None) as process:
                await waiting.wait()
                process.kill()
                await lost.wait()
                await settled(lambda: listener.connections == [], "the listener has no connection")
