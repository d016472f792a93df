"""Limits that the engine applies: each one refuses, and the listener counts it under its name."""

from __future__ import annotations

import socket
import sys
import zlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import anyio
import pytest

import webrtc_direct
from webrtc_direct import CloseKind, HandshakeError, Limits, StreamReset, echo_handler, ping

if TYPE_CHECKING:
    from webrtc_direct import CloseReason, Connection, Listener, Stream

ANY_PORT = "/ip4/127.0.0.1/udp/0/webrtc-direct"
SECONDS = 30
KIB = 1024
# linux/udp.h; Python does not name it.
UDP_SEGMENT = 103


async def refused_until_told(listener: Listener, limit: str) -> None:
    """Dial in vain until the listener has told of it."""
    with pytest.raises(HandshakeError):
        async with webrtc_direct.dial(listener.addresses[0], timeout=1.5):
            pytest.fail("connected")
    with anyio.fail_after(SECONDS):
        while limit not in listener.refusals:  # noqa: ASYNC110 - the engine tells it from its thread
            await anyio.sleep(0.01)
    assert listener.counters().refused >= 1


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(max_connections=2), "max_connections"),
        (Limits(max_connections_per_address=2), "max_connections_per_address"),
        (Limits(max_connections_per_prefix=2), "max_connections_per_prefix"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_connections_are_bounded(limits: Limits, limit: str) -> None:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT, limits=limits) as listener, AsyncExitStack() as stack:
            for _ in range(2):
                dialed = webrtc_direct.dial(listener.addresses[0])
                await ping(await stack.enter_async_context(dialed))
            await refused_until_told(listener, limit)
            await stack.aclose()


async def test_a_connection_that_never_had_a_stream_makes_room() -> None:
    ended: list[CloseReason] = []
    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen(ANY_PORT, limits=Limits(max_connections=2)) as listener,
            AsyncExitStack() as stack,
        ):
            listener.on_disconnected = lambda _, reason: ended.append(reason)
            used, unused = [
                await stack.enter_async_context(webrtc_direct.dial(listener.addresses[0])) for _ in range(2)
            ]
            await ping(used)
            # The dial goes on until the other has had its time.
            await ping(await stack.enter_async_context(webrtc_direct.dial(listener.addresses[0])))
            assert (await unused.wait_closed()).kind is CloseKind.REMOTE
            await ping(used)
            (reason,) = ended
            assert (reason.kind, "max_connections" in reason.detail) == (CloseKind.LIMIT, True)
            assert listener.counters().displaced == 1


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(connections_per_second=0.5), "connections_per_second"),
        (Limits(connections_per_second_per_address=0.5), "connections_per_second_per_address"),
        (Limits(max_handshakes=1), "max_handshakes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_new_connections_come_at_a_bounded_rate(limits: Limits, limit: str) -> None:
    connected = 0

    async def dial() -> None:
        nonlocal connected
        # Again and again: handshakes are so short that twenty can come one after the other.
        while True:
            async with webrtc_direct.dial(listener.addresses[0], timeout=SECONDS) as connection:
                await ping(connection)
                connected += 1

    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen(ANY_PORT, limits=limits) as listener,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(20):
                tasks.start_soon(dial)
            while limit not in listener.refusals or not connected:  # noqa: ASYNC110 - the engine tells it
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()


async def test_the_size_of_the_peers_certificate_is_bounded() -> None:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT, limits=Limits(max_certificate=100)) as listener:
            with pytest.raises(HandshakeError):
                async with webrtc_direct.dial(listener.addresses[0], timeout=1.5):
                    pytest.fail("connected")
            with pytest.raises(HandshakeError):
                async with webrtc_direct.dial(
                    listener.addresses[0], timeout=1.5, limits=Limits(max_certificate=100)
                ):
                    pytest.fail("connected")
        async with (
            webrtc_direct.listen(ANY_PORT, limits=Limits(max_certificate=1000)) as listener,
            webrtc_direct.dial(listener.addresses[0], limits=Limits(max_certificate=1000)) as connection,
        ):
            await ping(connection)


@pytest.mark.parametrize("interval", [0.05, 4.0])
async def test_consent_is_asked_for_at_its_interval(interval: float) -> None:
    # Nothing else is sent on an idle connection; SCTP's heartbeats are rare where silence may be long.
    limits = Limits(consent_interval=interval, silence_timeout=60)
    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen(ANY_PORT, limits=limits) as listener,
            webrtc_direct.dial(listener.addresses[0], limits=limits) as connection,
        ):
            await ping(connection)
            await anyio.sleep(0.5)
            before = connection.stats().datagrams_received
            if interval < 1:
                # With the default of 5 s it would take 100.
                while connection.stats().datagrams_received < before + 20:  # noqa: ASYNC110 - the engine counts
                    await anyio.sleep(0.01)
            else:
                await anyio.sleep(1)
                assert connection.stats().datagrams_received <= before + 2


@pytest.mark.parametrize("window", [256 * KIB, 1024 * KIB])
async def test_what_a_stopped_reader_is_sent_is_bounded_by_the_receive_window(window: int) -> None:
    unread, unsent, block = 64 * KIB, 64 * KIB, 16 * KIB
    written = 0

    async def hold(stream: Stream) -> None:
        await anyio.sleep_forever()

    async def write(stream: Stream) -> None:
        nonlocal written
        while True:
            await stream.write(bytes(block))
            written += block

    theirs = Limits(receive_window=window, unread_bytes=unread, stall_timeout=4 * SECONDS, close_timeout=0.1)
    ours = Limits(unsent_bytes=unsent, close_timeout=0.1)
    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen(ANY_PORT, handlers={"/hold": hold}, limits=theirs) as listener,
            webrtc_direct.dial(listener.addresses[0], limits=ours) as connection,
            connection.open_stream("/hold") as stream,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(write, stream)
            while written < 0.75 * window:  # noqa: ASYNC110 - the engine takes it
                await anyio.sleep(0.01)
            await anyio.sleep(0.5)
            # Beside the window: what was delivered and is not read, and what this end has queued.
            assert written <= window + unread + 256 * KIB + unsent
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("together", [512 * KIB, 2048 * KIB])
async def test_what_all_stopped_readers_are_sent_is_bounded_together(together: int) -> None:
    unread, unsent, block, own, connections = 64 * KIB, 64 * KIB, 16 * KIB, 128 * KIB, 8
    written = 0

    async def hold(stream: Stream) -> None:
        await anyio.sleep_forever()

    async def write(address: str) -> None:
        nonlocal written
        async with (
            webrtc_direct.dial(address, limits=ours) as connection,
            connection.open_stream("/hold") as stream,
        ):
            while True:
                await stream.write(bytes(block))
                written += block

    theirs = Limits(
        receive_window_process=together, unread_bytes=unread, stall_timeout=4 * SECONDS, close_timeout=0.1
    )
    ours = Limits(unsent_bytes=unsent, close_timeout=0.1)
    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen(ANY_PORT, handlers={"/hold": hold}, limits=theirs) as listener,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(connections):
                tasks.start_soon(write, listener.addresses[0])
            # Each may send its own 128 KiB, and what is shared is used.
            while written < connections * own + 0.75 * together:  # noqa: ASYNC110 - the engine takes it
                await anyio.sleep(0.01)
            await anyio.sleep(0.5)
            assert written <= together + connections * (own + unread + 128 * KIB + unsent)
            # A peer that is read all the same has its share.
            async with webrtc_direct.dial(listener.addresses[0]) as connection:
                assert await ping(connection) > 0
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize("together", [256 * KIB, 64 * 1024 * KIB])
async def test_the_unsent_bytes_of_all_connections_are_bounded(together: int) -> None:
    size, connections, streams, each, own, frame = 1_000_000, 6, 2, 256 * KIB, 32 * KIB, 16 * KIB
    held = connections * streams * each
    read_now = anyio.Event()
    dialed: list[Connection] = []
    read = 0

    async def read_later(stream: Stream) -> None:
        nonlocal read
        await read_now.wait()
        async for data in stream:
            read += len(data)

    async def write(connection: Connection) -> None:
        async with connection.open_stream("/later") as stream:
            await stream.write(bytes(size))
            await stream.close_write()
            assert await stream.read() == b""

    async def dial(address: str) -> None:
        async with webrtc_direct.dial(address, limits=Limits(unsent_bytes_process=together)) as connection:
            dialed.append(connection)
            async with anyio.create_task_group() as tasks:
                for _ in range(streams):
                    tasks.start_soon(write, connection)

    def unsent() -> int:
        return sum(connection.stats().unsent_bytes for connection in dialed)

    theirs = Limits(unread_bytes=64 * KIB, stall_timeout=4 * SECONDS)
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT, handlers={"/later": read_later}, limits=theirs) as listener:
            async with anyio.create_task_group() as tasks:
                for _ in range(connections):
                    tasks.start_soon(dial, listener.addresses[0])
                while unsent() < min(together, held) / 2:  # noqa: ASYNC110 - the engine takes it
                    await anyio.sleep(0.01)
                await anyio.sleep(0.5)
                assert min(together, held) / 2 <= unsent() <= together + connections * (own + frame)
                read_now.set()
            # All writers went on, with what the others left.
            assert read == connections * streams * size


@pytest.mark.parametrize("unread", [256 * KIB, 1024 * KIB])
async def test_a_stream_that_nobody_reads_is_reset_wherever_it_stops(unread: int) -> None:
    async def hold(stream: Stream) -> None:
        await stream.connection.wait_closed()

    async def write_for_ever(stream: Stream) -> None:
        while True:
            await stream.write(bytes(64 * KIB))

    # Frames of 16 KiB may end where the limit is; their prefixes are dealt with at once, so less is unread.
    limits = Limits(unread_bytes=unread, stall_timeout=0.3, close_timeout=0.1)
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT, handlers={"/hold": hold}, limits=limits) as listener:
            for _ in range(3):
                async with webrtc_direct.dial(listener.addresses[0]) as connection:
                    await ping(connection)
                    stream = await connection.open_stream("/hold")
                    with pytest.raises(StreamReset):
                        await write_for_ever(stream)
                    assert await ping(connection) > 0
                    connection.abort()


async def test_the_unread_bytes_of_all_connections_are_bounded() -> None:
    write_now, read_now = anyio.Event(), anyio.Event()
    readers = read = 0

    async def read_later(stream: Stream) -> None:
        nonlocal readers, read
        readers += 1
        await read_now.wait()
        async for data in stream:
            read += len(data)

    size, connections = 8_000_000, 4
    # No connection's own bound stops it.
    limits = Limits(unread_bytes_process=256 * KIB, unread_bytes=64 * 1024 * KIB, stall_timeout=4 * SECONDS)

    async def write() -> None:
        async with (
            webrtc_direct.dial(listener.addresses[0]) as connection,
            connection.open_stream("/later") as stream,
        ):
            await write_now.wait()
            await stream.write(bytes(size))
            await stream.close_write()
            assert await stream.read() == b""

    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT, handlers={"/later": read_later}, limits=limits) as listener:
            async with anyio.create_task_group() as tasks:
                for _ in range(connections):
                    tasks.start_soon(write)
                # All of them before the first may fill it: no stream is negotiated while it is full.
                while readers < connections:  # noqa: ASYNC110 - the engine takes it
                    await anyio.sleep(0.01)
                write_now.set()
                while "unread_bytes_process" not in listener.refusals:  # noqa: ASYNC110
                    await anyio.sleep(0.01)
                await anyio.sleep(0.5)
                unread = sum(connection.stats().unread_bytes for connection in listener.connections)
                # To it each connection may add what was on its way to this loop.
                assert 256 * KIB <= unread < connections * size / 4
                assert read == 0
                read_now.set()
            assert read == connections * size


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends joined datagrams")
async def test_of_joined_requests_only_a_few_are_looked_at() -> None:
    request = bytes.fromhex("000100082112a442") + bytes(12)
    request += bytes.fromhex("80280004") + (zlib.crc32(request) ^ 0x5354554E).to_bytes(4, "big")
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT) as listener:
            address = listener.bound[0]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(request, address)
                while not listener.counters().bad_username:  # noqa: ASYNC110 - the engine's thread counts
                    await anyio.sleep(0.01)
                stranger.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(request))
                stranger.sendto(request * 32, address)
            while listener.counters().throttled < 28:  # noqa: ASYNC110
                await anyio.sleep(0.01)
            counters = listener.counters()
            assert (counters.throttled, counters.bad_username) == (28, 1 + 4)


async def test_a_writer_goes_on_when_another_stream_that_took_all_room_ends() -> None:
    async def hold(stream: Stream) -> None:
        await stream.connection.wait_closed()

    written = 0

    async def write(stream: Stream) -> None:
        nonlocal written
        while True:
            await stream.write(bytes(16 * KIB))
            written += 1

    async def fill(stream: Stream) -> None:
        with pytest.raises(StreamReset):
            await write(stream)

    ours = Limits(unsent_bytes=64 * KIB, close_timeout=0.1)
    handlers = {"/hold": hold, "/echo": echo_handler}
    with anyio.fail_after(SECONDS):
        async with (
            # It resets what holds up the connection, and only then takes what comes after that.
            webrtc_direct.listen(ANY_PORT, handlers=handlers, limits=Limits(stall_timeout=4.0)) as listener,
            webrtc_direct.dial(listener.addresses[0], limits=ours) as connection,
            anyio.create_task_group() as tasks,
        ):
            greedy = await connection.open_stream("/hold")
            waiting = await connection.open_stream("/echo")
            tasks.start_soon(fill, greedy)
            before = -1
            while written > before:
                before = written
                await anyio.sleep(0.5)
            assert connection.stats().unsent_bytes >= ours.unsent_bytes
            tasks.start_soon(waiting.write, b"hello")
            await anyio.sleep(0.1)
            greedy.reset()
            assert await waiting.read_exactly(5) == b"hello"
