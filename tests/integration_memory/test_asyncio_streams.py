"""asyncio's StreamReader and StreamWriter over a stream, for code that was written for these."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import ConnectionLost, Stream, StreamReset, asyncio_streams
from webrtc_direct.errors import LocalProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration_memory.conftest import Ends, Settled

ASYNCIO = pytest.mark.parametrize("anyio_backend", ["asyncio"])
PROTOCOL = "/test/asyncio/1"
MEGABYTE = 1_000_000


class Server:
    """Keeps the streams of its peer for the test."""

    def __init__(self) -> None:
        self.streams: asyncio.Queue[Stream] = asyncio.Queue()
        self.over = asyncio.Event()

    async def handle(self, stream: Stream) -> None:
        await self.streams.put(stream)
        await self.over.wait()


@asynccontextmanager
async def two_ends(ends: Ends) -> AsyncIterator[tuple[Stream, Stream]]:
    """A stream as its client has it, and as its server does."""
    server = Server()
    async with ends.pair(server={PROTOCOL: server.handle}) as pair:
        async with pair.client.open_stream(PROTOCOL) as stream:
            yield stream, await server.streams.get()
            server.over.set()


async def http_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say back what was posted, as HTTP/1.1 does it."""
    while head := await reader.readuntil(b"\r\n\r\n"):
        if head.startswith(b"GET"):
            break
        size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(size)
        writer.writelines([b"HTTP/1.1 200 OK\r\n", b"content-length: %d\r\n\r\n" % size, body])
        await writer.drain()
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    writer.close()
    await writer.wait_closed()


@ASYNCIO
async def test_a_protocol_written_for_asyncio_works_unchanged(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        serving = asyncio.create_task(http_server(*await asyncio_streams(far)))
        reader, writer = await asyncio_streams(near)
        assert writer.get_extra_info("peername") == near.connection.remote
        assert writer.get_extra_info("stream") is near
        for body in (b"hello", bytes(200_000)):
            writer.write(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            assert await reader.readuntil(b"\r\n\r\n") == b"content-length: %d\r\n\r\n" % len(body)
            assert await reader.readexactly(len(body)) == body
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b"HTTP/1.1 204 No Content\r\n\r\n"
        assert reader.at_eof()
        await serving
        writer.close()
        await writer.wait_closed()
        assert writer.is_closing()


@ASYNCIO
async def test_one_half_ends_on_its_own(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        reader, writer = await asyncio_streams(near)
        assert writer.can_write_eof()
        writer.write(b"all")
        writer.write_eof()
        assert b"".join([data async for data in far]) == b"all"
        with pytest.raises(RuntimeError, match="write_eof"):
            writer.write(b"more")
        await far.write(b"answer")
        await far.close_write()
        assert await reader.read() == b"answer"
        writer.close()
        await writer.wait_closed()


@ASYNCIO
async def test_ten_megabytes_each_way_are_never_held_at_once(ends: Ends) -> None:
    block = bytes(100_000)

    async def send(writer: asyncio.StreamWriter) -> None:
        for _ in range(100):
            writer.write(block)
            await writer.drain()
        writer.write_eof()

    async def count(reader: asyncio.StreamReader) -> int:
        size = 0
        while data := await reader.read(65536):
            size += len(data)
        return size

    async with two_ends(ends) as (near, far):
        both = [await asyncio_streams(near), await asyncio_streams(far)]
        tracemalloc.start()
        try:
            work = [each for reader, writer in both for each in (send(writer), count(reader))]
            _, there, _, back = await asyncio.gather(*work)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert there == back == 10 * MEGABYTE
        assert peak < 8 * MEGABYTE
        for _, writer in both:
            writer.close()
            await writer.wait_closed()


@ASYNCIO
async def test_drain_waits_for_a_reader_and_can_be_cancelled(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        _, writer = await asyncio_streams(near)
        sent = 0
        with anyio.move_on_after(0.2) as scope:
            while True:
                writer.write(bytes(50_000))
                sent += 50_000
                await writer.drain()
        assert scope.cancelled_caught
        assert sent < 4 * MEGABYTE
        writer.close()
        received = 0
        with anyio.fail_after(10):
            async for data in far:
                received += len(data)
            await writer.wait_closed()
        assert received == sent


@ASYNCIO
async def test_a_reader_that_stops_slows_its_peer_down(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        reader, writer = await asyncio_streams(near, limit=1000)
        with anyio.move_on_after(0.2):
            while True:
                await far.write(bytes(50_000))
        assert near.unread_bytes > 0
        assert len(await reader.read(10 * MEGABYTE)) <= 2 * 65536
        writer.transport.abort()


@ASYNCIO
async def test_a_reset_is_a_connection_reset_error(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        reader, writer = await asyncio_streams(near)
        far.reset()
        with pytest.raises(ConnectionResetError, match="reset") as caught:
            await reader.read()
        assert isinstance(caught.value.__cause__, StreamReset)
        with pytest.raises(ConnectionResetError):
            await writer.drain()
        with pytest.raises(ConnectionResetError):
            await writer.wait_closed()


@ASYNCIO
async def test_a_lost_connection_ends_a_writer_that_waits(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        reader, writer = await asyncio_streams(near)

        async def write() -> None:
            while True:
                writer.write(bytes(50_000))
                await writer.drain()

        writing = asyncio.create_task(write())
        await asyncio.sleep(0.1)
        far.connection.abort()
        with pytest.raises(ConnectionResetError), anyio.fail_after(5):
            await writing
        with pytest.raises(ConnectionResetError) as caught:
            await reader.readexactly(1)
        assert isinstance(caught.value.__cause__, ConnectionLost)


@ASYNCIO
async def test_the_answer_of_a_peer_that_reads_no_more_is_read(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        reader, writer = await asyncio_streams(near)
        await far.close_read()
        with anyio.move_on_after(0.2):
            while True:
                writer.write(bytes(50_000))
                await writer.drain()
                await asyncio.sleep(0)
        await far.write(b"enough")
        await far.close_write()
        assert await reader.readexactly(6) == b"enough"
        with suppress(BrokenPipeError):
            await reader.read()
        writer.close()
        with pytest.raises(BrokenPipeError):
            await writer.wait_closed()


@ASYNCIO
async def test_an_abort_resets_the_stream(ends: Ends) -> None:
    async with two_ends(ends) as (near, far):
        reader, writer = await asyncio_streams(near)
        writer.transport.abort()
        with pytest.raises(StreamReset):
            await far.read()
        assert await reader.read() == b""


@ASYNCIO
async def test_nothing_goes_on_after_the_end(ends: Ends, settled: Settled) -> None:
    async with two_ends(ends) as (near, far):
        for stream in (near, far):
            _, writer = await asyncio_streams(stream)
            writer.close()
            await writer.wait_closed()
        await settled(
            lambda: all(task.get_name() != "webrtc_direct asyncio stream" for task in asyncio.all_tasks())
        )


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_trio_is_told_to_use_the_stream_itself(ends: Ends) -> None:
    async def wait(stream: Stream) -> None:
        await stream.read()

    async with ends.pair(server={PROTOCOL: wait}) as pair, pair.client.open_stream(PROTOCOL) as stream:
        with pytest.raises(LocalProtocolError, match="asyncio"):
            await asyncio_streams(stream)
