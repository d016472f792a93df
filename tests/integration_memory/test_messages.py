"""Lines, messages, anyio's byte streams, and handlers that learn that nobody waits for them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio.streams.buffered import BufferedByteStream
from anyio.streams.text import TextStream

from webrtc_direct import (
    IncompleteRead,
    Limits,
    RemoteProtocolError,
    Stream,
    StreamClosed,
    StreamReset,
    WebRtcDirectError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.integration_memory.conftest import Ends, Settled

OWN = "/own/1"


@pytest.fixture(name="sent")
def sent_fixture(ends: Ends) -> Callable[..., AsyncIterator[Stream]]:
    """A stream on which the peer sends *parts*, one after the other, and then ends it."""

    async def sent(*parts: bytes) -> AsyncIterator[Stream]:
        async def handler(stream: Stream) -> None:
            for part in parts:
                await stream.write(part)
                await anyio.sleep(0.002)
            await stream.close_write()
            await stream.wait_acknowledged()

        async with ends.pair(server={OWN: handler}) as pair, pair.client.open_stream(OWN) as stream:
            yield stream

    return sent


async def test_lines_end_where_they_end(sent: Callable[..., AsyncIterator[Stream]]) -> None:
    async for stream in sent(b"one\ntwo", b"\r\n\nrest", b"\n"):
        lines = []
        while line := await stream.read_until(b"\n"):
            lines.append(line)
        assert lines == [b"one\n", b"two\r\n", b"\n", b"rest\n"]


async def test_a_separator_may_come_in_parts(sent: Callable[..., AsyncIterator[Stream]]) -> None:
    async for stream in sent(b"ab-", b"-", b"-cd", b"e"):
        assert await stream.read_until(b"---") == b"ab---"
        # What was read ahead is not lost for other reads.
        assert await stream.read_exactly(3) == b"cde"
        assert await stream.read() == b""


async def test_a_line_that_is_cut_short_is_no_line(sent: Callable[..., AsyncIterator[Stream]]) -> None:
    async for stream in sent(b"one\ntw"):
        assert await stream.read_until(b"\n") == b"one\n"
        with pytest.raises(IncompleteRead, match="before b'") as caught:
            await stream.read_until(b"\n")
        assert (caught.value.partial, caught.value.expected) == (b"tw", None)
        assert await stream.read_until(b"\n") == b""


@pytest.mark.parametrize("parts", [[b"0123456789abcdef\n"], [b"0123", b"4567", b"89abcdef", b"\n"]])
async def test_a_line_that_is_too_long_can_be_read_otherwise(
    parts: list[bytes], sent: Callable[..., AsyncIterator[Stream]]
) -> None:
    async for stream in sent(*parts):
        with pytest.raises(RemoteProtocolError, match="within 10 bytes"):
            await stream.read_until(b"\n", max_bytes=10)
        assert await stream.read_exactly(17) == b"0123456789abcdef\n"


async def test_a_read_that_is_cancelled_loses_nothing(ends: Ends) -> None:
    go_on = anyio.Event()

    async def handler(stream: Stream) -> None:
        await stream.write(b"\x05he")
        await go_on.wait()
        await stream.write(b"llo")
        await stream.close_write()

    reads: tuple[Callable[[Stream], Awaitable[bytes | None]], ...] = (
        lambda stream: stream.read_until(b"o"),
        lambda stream: stream.read_message(),
        lambda stream: stream.read_exactly(6),
    )
    for read in reads:
        go_on = anyio.Event()
        async with ends.pair(server={OWN: handler}) as pair, pair.client.open_stream(OWN) as stream:
            with anyio.move_on_after(0.05) as scope:
                await read(stream)
            assert scope.cancelled_caught
            go_on.set()
            assert await read(stream) in (b"\x05hello", b"hello")


@pytest.mark.parametrize("message", [b"", b"x", bytes(127), bytes(128), bytes(20_000), bytes(300_000)])
async def test_messages_come_whole(message: bytes, ends: Ends) -> None:
    async def handler(stream: Stream) -> None:
        while (received := await stream.read_message(1_000_000)) is not None:
            await stream.write_message(received)
        await stream.close_write()

    async with ends.pair(server={OWN: handler}) as pair, pair.client.open_stream(OWN) as stream:
        for _ in range(3):
            await stream.write_message(message)
            assert await stream.read_message(len(message)) == message
        await stream.close_write()
        assert await stream.read_message() is None


@pytest.mark.parametrize(
    ("sent_bytes", "error"),
    [
        (b"\x80", IncompleteRead),
        (b"\x05abcd", IncompleteRead),
        (b"\x0b0123456789a", RemoteProtocolError),
        (b"\xff" * 11, RemoteProtocolError),
        (b"\x80\x00", RemoteProtocolError),
    ],
)
async def test_what_is_no_message_is_refused(
    sent_bytes: bytes, error: type[WebRtcDirectError], sent: Callable[..., AsyncIterator[Stream]]
) -> None:
    async for stream in sent(sent_bytes):
        with pytest.raises(error):
            await stream.read_message(10)


async def test_anyio_takes_it_for_a_byte_stream(ends: Ends) -> None:
    async def handler(stream: Stream) -> None:
        text = TextStream(stream)
        await text.send((await text.receive()).upper())
        await text.send_eof()

    async with ends.pair(server={OWN: handler}) as pair, pair.client.open_stream(OWN) as stream:
        buffered = BufferedByteStream(stream)
        await buffered.send("grüße".encode())
        assert await buffered.receive_exactly(7) == "GRÜSSE".encode()
        with pytest.raises(anyio.EndOfStream):
            await buffered.receive()
        await stream.close_write()
        with pytest.raises(anyio.ClosedResourceError):
            await stream.send(b"x")


async def test_anyio_is_told_of_a_broken_stream_in_its_words(ends: Ends) -> None:
    async def handler(stream: Stream) -> None:
        await stream.read()
        stream.reset()

    async with ends.pair(server={OWN: handler}) as pair, pair.client.open_stream(OWN) as stream:
        await stream.send(b"x")
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send(b"x")


async def _reset(stream: Stream) -> None:
    stream.reset()


async def _end_and_reset(stream: Stream) -> None:
    await stream.close_write()
    await anyio.sleep(0.01)
    stream.reset()


async def _lose(stream: Stream) -> None:
    stream.connection.abort()


@pytest.mark.parametrize("leave", [_reset, _end_and_reset, _lose, Stream.aclose, Stream.close_read])
async def test_a_handler_learns_that_its_caller_has_left(
    leave: Callable[[Stream], Awaitable[None]], ends: Ends, settled: Settled
) -> None:
    ended: list[BaseException] = []

    async def handler(stream: Stream) -> None:
        try:
            async with stream.until_stopped():
                await anyio.sleep_forever()
        except (StreamReset, StreamClosed, ConnectionError) as error:
            ended.extend((error, await stream.wait_stopped()))
            raise

    async with ends.pair(server={OWN: handler}) as pair:
        stream = await pair.client.open_stream(OWN)
        await stream.write(b"question")
        await anyio.sleep(0.01)
        assert not ended
        await leave(stream)
        await settled(lambda: len(ended) == 2)
        assert type(ended[0]) is type(ended[1])


async def test_a_block_whose_caller_waits_ends_as_it_would(ends: Ends) -> None:
    async def handler(stream: Stream) -> None:
        question = await stream.read_until(b"?")
        async with stream.until_stopped():
            await anyio.sleep(0.01)
        await stream.write(question.upper())

    async with ends.pair(server={OWN: handler}) as pair, pair.client.open_stream(OWN) as stream:
        await stream.write(b"why?")
        await stream.close_write()
        assert await stream.read() == b"WHY?"
        assert str(await stream.wait_stopped()) == "this end has closed the stream for writing"


@pytest.mark.logs_errors
async def test_a_handler_that_fails_again_and_again_does_not_fill_the_log(
    ends: Ends, settled: Settled, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(stream: Stream) -> None:
        if await stream.read_until(b"\n") == b"bad\n":
            raise RemoteProtocolError("no such question")
        raise ZeroDivisionError

    limits = Limits(logged_failures_per_minute=3)
    with caplog.at_level(logging.WARNING, logger="webrtc_direct"):
        async with ends.pair(server={OWN: handler}, server_limits=limits) as pair:
            for line in [b"bad\n", b"other\n"] * 10:
                stream = await pair.client.open_stream(OWN)
                await stream.write(line)
            await settled(lambda: pair.listener.refusals.get("logged_failures_per_minute") == 7)
    tracebacks = [record for record in caplog.records if record.exc_info]
    assert len(tracebacks) == 3
