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
from tests.faults.raw_client import raw_client
from tests.faults.support import ADDRESS, SINK, STRESS, echoes, peer_process
from tests.support import ECHO, SECONDS, settled

import webrtc_direct
from webrtc_direct import (
    CloseKind,
    ConnectionLost,
    HandshakeTimeout,
    Limits,
    identify,
    perf,
    ping,
)
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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_vanished_peer_ends_everything_that_waits_with_a_reason(how: signal.Signals) -> None:
    # The other bounds on waiting pass long before the one on silence, which alone decides here.
    limits = Limits(
        silence_timeout=SILENCE, consent_interval=0.3, negotiation_timeout=0.2, fin_ack_timeout=0.2
    )
    reasons: dict[str, CloseKind] = {}

    async def lost(name: str, operation: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(ConnectionLost) as caught:
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
                os.kill(pid, how)
                await closed.write(b"unconfirmed")
                await closed.close_write()
                started = anyio.current_time()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(lost, "read", reading.read)
                    tasks.start_soon(lost, "write", lambda: writing.write(bytes(10_000_000)))
                    tasks.start_soon(lost, "open_stream", lambda: connection.open_stream(ECHO))
                    tasks.start_soon(lost, "ping", pings.ping)
                    tasks.start_soon(lost, "a new ping", lambda: ping(connection))
                    tasks.start_soon(lost, "identify", lambda: identify(connection))
                    tasks.start_soon(lost, "perf", lambda: perf(connection, upload=1, download=1))
                    tasks.start_soon(lost, "echo", lambda: echoes(connection, b"x"))
                    tasks.start_soon(lost, "wait_acknowledged", closed.wait_acknowledged)
                    reason = await connection.wait_closed()
            assert SILENCE / 2 < anyio.current_time() - started
            assert reason.kind is CloseKind.TIMEOUT
            assert set(reasons.values()) == {CloseKind.TIMEOUT}
            assert len(reasons) == 9
            # And whatever comes later, at once.
            await lost("afterwards", reading.read)
            with anyio.fail_after(1):
                await connection.aclose()


async def test_a_negotiation_with_a_stopped_peer_is_given_up_once_it_goes_on() -> None:
    limits = Limits(negotiation_timeout=0.2)
    with anyio.fail_after(SECONDS):
        async with peer_process() as (pid, address), webrtc_direct.dial(address, limits=limits) as connection:
            await ping(connection)
            os.kill(pid, signal.SIGSTOP)
            waited = anyio.Event()

            async def open_in_vain() -> None:
                with pytest.raises(HandshakeTimeout) as caught:
                    await connection.open_stream(ECHO)
                assert (caught.value.step, caught.value.seconds) == ("negotiation", 0.2)
                waited.set()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(open_in_vain)
                await anyio.sleep(1)
                assert not waited.is_set()
                os.kill(pid, signal.SIGCONT)
                await waited.wait()
            assert await ping(connection) > 0


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


async def test_a_peer_that_is_there_and_does_not_negotiate_is_a_timeout_long_before_silence() -> None:
    limits = Limits(negotiation_timeout=0.2, silence_timeout=4 * SECONDS)
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, limits=limits) as listener:
            # It acknowledges what comes, and answers nothing.
            async with raw_client(listener.addresses[0]):
                await settled(lambda: bool(listener.connections), "the listener has the connection")
                with pytest.raises(HandshakeTimeout):
                    await listener.connections[0].open_stream(ECHO)


async def test_a_peer_that_vanishes_when_it_is_asked_to_identify_itself_is_a_lost_connection() -> None:
    limits = Limits(silence_timeout=4.0, negotiation_timeout=1.5)
    program = (
        "import os, signal, sys, anyio, webrtc_direct\n"
        "async def vanish(stream):\n"
        "    await anyio.sleep(0.2)\n"  # What it agreed to is on its way then.
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "async def main():\n"
        "    handlers = {'/ipfs/id/1.0.0': vanish}\n"
        "    async with webrtc_direct.dial(sys.argv[1], handlers=handlers):\n"
        "        await anyio.sleep_forever()\n"
        "anyio.run(main)\n"
    )
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, limits=limits) as listener:
            command = [sys.executable, "-c", program, listener.addresses[0]]
            async with await anyio.open_process(command, stdin=None, stdout=None, stderr=None):
                await settled(lambda: bool(listener.connections), "the listener has the connection")
                with pytest.raises(ConnectionLost) as caught:
                    await identify(listener.connections[0])
                assert caught.value.reason.kind is CloseKind.TIMEOUT


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
        async with webrtc_direct.listen(ADDRESS, handlers={"/wait": handler}, limits=limits) as listener:
            command = [sys.executable, "-c", program, listener.addresses[0]]
            async with await anyio.open_process(command, stdin=None, stdout=None, stderr=None) as process:
                await waiting.wait()
                process.kill()
                await lost.wait()
                await settled(lambda: listener.connections == [], "the listener has no connection")
