"""What a stream promises to whoever reads and writes it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import (
    ConnectionLost,
    HandshakeTimeout,
    IncompleteRead,
    Limits,
    LocalProtocolError,
    ProtocolNotSupported,
    Stream,
    StreamBusy,
    StreamClosed,
    StreamReset,
    echo_handler,
    perf,
    perf_handler,
    ping,
)
from webrtc_direct.protocols.echo import ECHO_PROTOCOL
from webrtc_direct.protocols.perf import PERF_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration_memory.conftest import Ends, Settled

ECHO = {ECHO_PROTOCOL: echo_handler}
OWN = "/own/1"


async def _send_and_close(stream: Stream, data: bytes) -> None:
    await stream.write(data)
    await stream.close_write()


@pytest.mark.parametrize("size", [0, 1, 16377, 16378, 4_000_000])
async def test_echo_returns_every_byte(ends: Ends, size: int) -> None:
    data = secrets.token_bytes(size)
    async with (
        ends.pair(server=ECHO) as pair,
        pair.client.open_stream(ECHO_PROTOCOL) as stream,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(_send_and_close, stream, data)
        received = b"".join([chunk async for chunk in stream])
        assert received == data


async def test_many_streams_share_a_connection(ends: Ends) -> None:
    async def echo(data: bytes) -> None:
        async with pair.client.open_stream(ECHO_PROTOCOL) as stream, anyio.create_task_group() as own:
            own.start_soon(_send_and_close, stream, data)
            assert await stream.read_exactly(len(data)) == data
            assert await stream.read() == b""

    async with ends.pair(server=ECHO) as pair:
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(echo, secrets.token_bytes(300_000))


async def test_perf_moves_what_was_asked_for(ends: Ends) -> None:
    moved = {"upload": 0, "download": 0}

    def progress(direction: str, size: int) -> None:
        moved[direction] += size

    async with ends.pair(server={PERF_PROTOCOL: perf_handler}) as pair:
        result = await perf(pair.client, upload=3_000_000, download=2_000_001, progress=progress)
    assert (result.upload_bytes, result.download_bytes) == (3_000_000, 2_000_001)
    assert moved == {"upload": 3_000_000, "download": 2_000_001}
    assert min(result.upload_seconds, result.download_seconds) > 0


async def test_the_end_of_one_direction_leaves_the_other_open(ends: Ends) -> None:
    async def answer_after_the_end(stream: Stream) -> None:
        question = b"".join([chunk async for chunk in stream])
        await stream.write(question.upper())

    async with (
        ends.pair(server={OWN: answer_after_the_end}) as pair,
        pair.client.open_stream(OWN) as stream,
    ):
        await stream.write(b"half")
        await stream.write(b"-close")
        await stream.close_write()
        assert await stream.read_exactly(10) == b"HALF-CLOSE"
        assert await stream.read() == b""
        assert await stream.read() == b""


async def test_an_opened_stream_can_be_awaited(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair:
        stream = await pair.client.open_stream(ECHO_PROTOCOL)
        assert stream.protocol == ECHO_PROTOCOL
        assert stream.connection is pair.client
        await stream.write(bytearray(b"by"))
        await stream.write(memoryview(b"tes"))
        assert await stream.read_exactly(5) == b"bytes"
        await stream.aclose()


async def test_read_gives_no_more_than_asked_for(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair, pair.client.open_stream(ECHO_PROTOCOL) as stream:
        await stream.write(bytes(range(100)))
        await stream.write(bytes(range(100, 200)))
        parts = [await stream.read(count) for count in (1, 50, 49)]
        assert b"".join(parts) == bytes(range(100))
        assert await stream.read_exactly(100) == bytes(range(100, 200))
        with pytest.raises(ValueError, match="max_bytes"):
            await stream.read(0)


async def test_read_exactly_says_how_much_is_missing(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair, pair.client.open_stream(ECHO_PROTOCOL) as stream:
        await _send_and_close(stream, b"abc")
        with pytest.raises(IncompleteRead, match="after 3 of 8 bytes") as caught:
            await stream.read_exactly(8)
        assert (caught.value.partial, caught.value.expected) == (b"abc", 8)


async def test_the_peer_confirms_every_byte(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair, pair.client.open_stream(ECHO_PROTOCOL) as stream:
        with pytest.raises(LocalProtocolError):
            await stream.wait_acknowledged()
        await _send_and_close(stream, bytes(100_000))
        assert await stream.wait_acknowledged() is True


async def test_close_write_does_not_wait_for_a_peer_that_never_confirms(ends: Ends) -> None:
    limits = Limits(fin_ack_timeout=1.0)
    async with (
        ends.pair(server=ECHO, limits=limits) as pair,
        pair.client.open_stream(ECHO_PROTOCOL) as stream,
    ):
        pair.link.pause()
        with anyio.fail_after(0.9):
            await _send_and_close(stream, b"unheard")
        assert await stream.wait_acknowledged() is False
        pair.link.resume()
        # Only the confirmation is given up, not the other direction.
        assert await stream.read() == b"unheard"


async def test_closed_streams_are_forgotten_by_both_ends(ends: Ends, settled: Settled) -> None:
    async with ends.pair(server=ECHO) as pair:
        for _ in range(20):
            async with pair.client.open_stream(ECHO_PROTOCOL) as stream:
                await stream.write(b"x")
        for _ in range(20):
            (await pair.client.open_stream(ECHO_PROTOCOL)).reset()
        await settled(lambda: pair.client.streams == pair.server.streams == 0)
        await settled(lambda: pair.client.stats().channels == pair.server.stats().channels == 1)


async def test_a_closed_stream_whose_peer_goes_on_is_forgotten_in_time(ends: Ends, settled: Settled) -> None:
    async def never_end(stream: Stream) -> None:
        await anyio.sleep_forever()

    limits = Limits(fin_ack_timeout=0.05, close_timeout=0.2)
    async with ends.pair(server={OWN: never_end}, limits=limits) as pair:
        async with pair.client.open_stream(OWN) as stream:
            await stream.write(b"x")
        await settled(lambda: pair.client.streams == 0)


async def test_what_this_end_has_closed_cannot_be_used(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair:
        async with pair.client.open_stream(ECHO_PROTOCOL) as stream:
            await stream.close_write()
            with pytest.raises(StreamClosed, match="for writing"):
                await stream.write(b"more")
            await stream.close_read()
            with pytest.raises(StreamClosed, match="for reading"):
                await stream.read()
        with pytest.raises(StreamClosed):
            await stream.read()
        await stream.aclose()
        stream.reset()


async def test_a_peer_that_reads_no_more_ends_the_writer(ends: Ends) -> None:
    closed = anyio.Event()

    async def write_for_ever(stream: Stream) -> None:
        try:
            while True:
                await stream.write(bytes(65536))
        except StreamClosed:
            closed.set()
            raise

    async with ends.pair(server={OWN: write_for_ever}) as pair, pair.client.open_stream(OWN) as stream:
        await stream.read()
        await stream.close_read()
        with anyio.fail_after(5):
            await closed.wait()


@pytest.mark.parametrize("waiting", ["read", "write", "wait_acknowledged"])
async def test_a_reset_ends_whoever_waits_at_the_other_end(ends: Ends, waiting: str) -> None:
    opened: list[Stream] = []

    async def hold(stream: Stream) -> None:
        opened.append(stream)
        await anyio.sleep_forever()

    async def wait(stream: Stream) -> None:
        waits: dict[str, Callable[[], Awaitable[object]]] = {
            "read": stream.read,
            "write": lambda: stream.write(bytes(10_000_000)),
            "wait_acknowledged": stream.wait_acknowledged,
        }
        with pytest.raises(StreamReset, match="the peer reset"):
            await waits[waiting]()

    async with ends.pair(server={OWN: hold}, limits=Limits(close_timeout=0.1)) as pair:
        stream = await pair.client.open_stream(OWN)
        async with anyio.create_task_group() as tasks:
            if waiting == "wait_acknowledged":
                # The server's reset is on its way before FIN arrives there.
                pair.link.pause()
                await stream.close_write()
                opened[0].reset()
            tasks.start_soon(wait, stream)
            await anyio.wait_all_tasks_blocked()
            opened[0].reset()
            pair.link.resume()
        with pytest.raises(StreamReset):
            await stream.read()


async def test_a_reset_is_told_even_if_the_connection_ended_after_it(ends: Ends) -> None:
    opened: list[Stream] = []

    async def hold(stream: Stream) -> None:
        opened.append(stream)
        await anyio.sleep_forever()

    async with ends.pair(server={OWN: hold}, limits=Limits(close_timeout=0.1)) as pair:
        streams = [await pair.client.open_stream(OWN) for _ in range(2)]
        opened[0].reset()
        await anyio.wait_all_tasks_blocked()
        pair.server.abort()
        await pair.client.wait_closed()
        for stream, expected in zip(streams, (StreamReset, ConnectionLost), strict=True):
            with pytest.raises(expected):
                await stream.read()
            with pytest.raises(expected):
                await stream.write(b"x")


async def test_a_reset_ends_whoever_waits_at_this_end(ends: Ends) -> None:
    async def expect_reset(stream: Stream) -> None:
        with pytest.raises(StreamReset, match="this end"):
            await stream.read()

    async with ends.pair(server=ECHO) as pair:
        stream = await pair.client.open_stream(ECHO_PROTOCOL)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(expect_reset, stream)
            await anyio.wait_all_tasks_blocked()
            stream.reset()
        with pytest.raises(StreamReset):
            await stream.write(b"x")


async def test_an_exception_in_the_block_resets_the_stream(ends: Ends) -> None:
    outcomes: list[type[BaseException]] = []
    ended = anyio.Event()

    async def read(stream: Stream) -> None:
        try:
            await stream.read()
        except StreamReset as error:
            outcomes.append(type(error))
            raise
        finally:
            ended.set()

    async with ends.pair(server={OWN: read}) as pair:
        with pytest.raises(ZeroDivisionError):
            async with pair.client.open_stream(OWN):
                raise ZeroDivisionError
        with anyio.fail_after(5):
            await ended.wait()
    assert outcomes == [StreamReset]


@pytest.mark.logs_errors
async def test_a_handler_that_fails_resets_its_stream_and_is_logged_once(
    ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(stream: Stream) -> None:
        await stream.read()
        raise RuntimeError("a bug in a handler")

    async with ends.pair(server={OWN: fail, **ECHO}) as pair, pair.client.open_stream(ECHO_PROTOCOL) as other:
        stream = await pair.client.open_stream(OWN)
        await stream.write(b"x")
        with pytest.raises(StreamReset):
            await stream.read()
        await other.write(b"still here")
        assert await other.read_exactly(10) == b"still here"
        await ping(pair.client)
    assert [record.levelname for record in caplog.records if record.levelno > 20] == ["ERROR"]


async def test_what_a_peer_causes_in_a_handler_is_not_an_error_in_the_log(
    ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    async def read_in_a_task_group(stream: Stream) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.read)

    async with ends.pair(server={OWN: read_in_a_task_group}) as pair:
        (await pair.client.open_stream(OWN)).reset()
        await ping(pair.client)
    assert [record.levelname for record in caplog.records if record.levelno > 20] == []


async def test_the_peer_chooses_the_first_protocol_that_it_supports(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair:
        async with pair.client.open_stream("/unknown/1", "/unknown/2", ECHO_PROTOCOL) as stream:
            assert stream.protocol == ECHO_PROTOCOL
        with pytest.raises(ProtocolNotSupported) as caught:
            await pair.client.open_stream("/unknown/1", "/unknown/2")
        assert caught.value.protocols == ("/unknown/1", "/unknown/2")
        with pytest.raises(ValueError, match="at least one"):
            await pair.client.open_stream()


async def test_two_readers_or_two_writers_are_refused(ends: Ends) -> None:
    async with ends.pair(server=ECHO) as pair:
        stream = await pair.client.open_stream(ECHO_PROTOCOL)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.read)
            tasks.start_soon(stream.write, bytes(10_000_000))
            await anyio.wait_all_tasks_blocked()
            pair.link.pause()
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(StreamBusy):
                await stream.write(b"x")
            tasks.cancel_scope.cancel()
        stream.reset()
        pair.link.resume()

    async with ends.pair(server=ECHO) as pair:
        stream = await pair.client.open_stream(ECHO_PROTOCOL)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.read)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(StreamBusy):
                await stream.read()
            tasks.cancel_scope.cancel()


async def test_a_peer_that_does_not_negotiate_is_a_timeout(ends: Ends) -> None:
    limits = Limits(negotiation_timeout=0.1)
    async with ends.pair(limits=limits) as pair:
        pair.link.pause()
        with pytest.raises(HandshakeTimeout) as caught:
            await pair.client.open_stream(OWN)
        assert (caught.value.step, caught.value.seconds) == ("negotiation", 0.1)
        pair.link.resume()
        assert pair.client.streams == 0
