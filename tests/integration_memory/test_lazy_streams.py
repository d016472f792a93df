"""Streams whose opener does not wait for the answer to its proposal."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.support import settled

from webrtc_direct import (
    ConnectionLost,
    Limits,
    ProtocolNotSupported,
    Stream,
    StreamClosed,
    StreamReset,
    listen,
)
from webrtc_direct.streams.message import MAX_PAYLOAD, Flag, encode_flag
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration_memory.conftest import Ends

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"
OWN = "/own/1"
PROPOSAL = encode(HEADER) + encode(OWN)
# Bytes that may be on their way before the answer.
EARLY = 64 * 1024


async def double(stream: Stream) -> None:
    data = b"".join([chunk async for chunk in stream])
    await stream.write(data + data)


@pytest.mark.parametrize("size", [0, 1, 16377, 4_000_000])
async def test_every_byte_arrives_after_the_answer(ends: Ends, size: int) -> None:
    data = bytes(size)
    async with (
        ends.pair(server={OWN: double}) as pair,
        pair.client.open_stream(OWN, lazy=True) as stream,
    ):
        assert stream.protocol == OWN
        await stream.write(data)
        await stream.close_write()
        assert b"".join([chunk async for chunk in stream]) == data + data


@asynccontextmanager
async def unanswered(ends: Ends, *, limits: Limits | None = None) -> AsyncIterator[tuple[Stream, Stream]]:
    """A stream as its opener has it, and at a listener whose answer is the test's."""
    streams: list[Stream] = []
    async with (
        listen(ADDRESS, on_stream=streams.append, platform=ends.platform) as listener,
        ends.dial(listener.addresses[0], limits=limits) as connection,
    ):
        stream = await connection.open_stream(OWN, lazy=True)
        await settled(lambda: len(streams) == 1)
        yield stream, streams[0]


async def test_what_is_written_does_not_wait_for_the_answer(ends: Ends) -> None:
    async with unanswered(ends) as (stream, given):
        await stream.write(b"early")
        assert await given.read_exactly(len(PROPOSAL) + 5) == PROPOSAL + b"early"
        # Answer and data come in any pieces.
        answer = PROPOSAL + b"late"
        for position in range(len(answer)):
            await given.write(answer[position : position + 1])
        assert await stream.read_exactly(4) == b"late"
        await given.aclose()
        assert await stream.read() == b""


async def test_much_waits_for_the_answer(ends: Ends) -> None:
    data = bytes(200_000)
    async with unanswered(ends) as (stream, given), anyio.create_task_group() as tasks:
        tasks.start_soon(stream.write, data)
        await settled(lambda: given.unread_bytes > EARLY - MAX_PAYLOAD)
        await anyio.wait_all_tasks_blocked()
        assert given.unread_bytes <= EARLY
        await given.write(PROPOSAL)
        assert await given.read_exactly(len(PROPOSAL) + len(data)) == PROPOSAL + data


async def test_a_protocol_that_is_not_served_is_told_to_whoever_uses_the_stream(ends: Ends) -> None:
    async with ends.pair() as pair:
        stream = await pair.client.open_stream(OWN, lazy=True)
        await stream.write(b"for nobody")
        with pytest.raises(ProtocolNotSupported, match=OWN):
            await stream.read()
        with pytest.raises(ProtocolNotSupported, match=OWN):
            await stream.write(b"more")
        stream = await pair.client.open_stream(OWN, lazy=True)
        await stream.write(b"for nobody")
        await stream.close_write()
        with pytest.raises(ProtocolNotSupported, match=OWN):
            await stream.wait_acknowledged()
        assert pair.client.streams == 0


@pytest.mark.parametrize("answer", [b"\x04no!\n", encode(HEADER) + encode("/other/1"), b"\xff" * 8])
async def test_an_answer_that_makes_no_sense_resets_the_stream(ends: Ends, answer: bytes) -> None:
    async with unanswered(ends) as (stream, given):
        await given.read()
        await given.write(answer)
        with pytest.raises(StreamReset, match="the peer broke the protocol: multistream-select"):
            await stream.read()


async def test_an_end_without_an_answer_resets_the_stream(ends: Ends) -> None:
    async with unanswered(ends) as (stream, given):
        await given.read()
        await given.close_write()
        with pytest.raises(StreamReset, match=f"did not answer {OWN}"):
            await stream.read()


async def test_what_is_written_and_closed_at_once_is_served(ends: Ends) -> None:
    served: list[bytes] = []

    async def serve(stream: Stream) -> None:
        served.append(b"".join([chunk async for chunk in stream]))

    async with ends.pair(server={OWN: serve}) as pair:
        for number in range(20):
            async with pair.client.open_stream(OWN, lazy=True) as stream:
                await stream.write(b"%d" % number)
    # The connection was closed at once, too.
    assert sorted(served) == sorted(b"%d" % number for number in range(20))


async def test_bytes_are_confirmed_once_the_peer_has_taken_the_protocol(ends: Ends) -> None:
    async with unanswered(ends) as (stream, given), anyio.create_task_group() as tasks:
        await stream.write(b"early")
        await stream.close_write()
        confirmed: list[bool] = []

        async def wait() -> None:
            confirmed.append(await stream.wait_acknowledged())

        tasks.start_soon(wait)
        assert b"".join([chunk async for chunk in given]) == PROPOSAL + b"early"
        await anyio.wait_all_tasks_blocked()
        assert not confirmed
        await given.write(PROPOSAL)
        await settled(lambda: confirmed == [True])


async def test_a_closed_stream_does_not_wait_for_ever_for_its_answer(ends: Ends) -> None:
    limits = Limits(fin_ack_timeout=0.05)
    async with unanswered(ends, limits=limits) as (stream, given):
        await stream.aclose()
        with pytest.raises(StreamClosed):
            await stream.read()
        await settled(lambda: stream.connection.streams == 0)
        # An answer that comes too late is nobody's.
        with suppress(StreamClosed):
            await given.write(PROPOSAL)


async def test_a_reader_learns_that_its_end_closed_the_stream(ends: Ends) -> None:
    async with unanswered(ends) as (stream, _), anyio.create_task_group() as tasks:

        async def read() -> None:
            with pytest.raises(StreamClosed):
                await stream.read()

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        await stream.close_read()


async def test_the_end_of_the_connection_is_told(ends: Ends) -> None:
    async with unanswered(ends) as (stream, given):
        given.connection.abort()
        with pytest.raises(ConnectionLost):
            await stream.read()


async def test_only_one_protocol_can_be_proposed(ends: Ends) -> None:
    async with ends.pair() as pair:
        with pytest.raises(ValueError, match="one protocol, not 2"):
            await pair.client.open_stream(OWN, "/other/1", lazy=True)


async def test_a_peer_that_reads_no_answer_is_served(ends: Ends) -> None:
    """Like go, which writes, ends and closes before it has seen one."""
    served: list[bytes] = []

    async def serve(stream: Stream) -> None:
        served.append(b"".join([chunk async for chunk in stream]))

    async with ends.listen(handlers={OWN: serve}) as listener, ends.raw_peer(listener) as peer:
        raw = peer.open()
        raw.send_data(PROPOSAL + b"data")
        raw.send(encode_flag(Flag.FIN), encode_flag(Flag.STOP_SENDING))
        await settled(lambda: served == [b"data"])
