"""Streams of peers begin in turns of their connections, and those of all connections are bounded together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from webrtc_direct import Limits, Stream, echo_handler
from webrtc_direct.bounds.process_budget import PROCESS_PENDING_STREAMS, PROCESS_STREAMS
from webrtc_direct.platform.base import DataChannel
from webrtc_direct.protocols.echo import ECHO_PROTOCOL
from webrtc_direct.streams.message import Flag, encode_data, encode_flag
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.integration_memory.conftest import Ends, Settled

    from webrtc_direct import Connection
    from webrtc_direct.platform.base import ChannelObserver

ECHO = {ECHO_PROTOCOL: echo_handler}
HELLO = encode(HEADER) + encode(ECHO_PROTOCOL)
# Many times what a turn begins, and no more than may wait.
MANY = 200


@pytest.fixture(autouse=True)
async def counts_return() -> AsyncIterator[None]:
    before = PROCESS_STREAMS.total, PROCESS_PENDING_STREAMS.total
    yield
    assert (PROCESS_STREAMS.total, PROCESS_PENDING_STREAMS.total) == before


class Channel(DataChannel):
    """One that the test opens at a connection, as a platform does; what is sent on it is nobody's."""

    data_channel_id = None
    writable_bytes = 1 << 20

    def __init__(self) -> None:
        self.observer: ChannelObserver | None = None

    def arrive(self, frames: Sequence[bytes]) -> None:
        if self.observer is not None:
            self.observer.data_received(b"".join(frames))

    def send(self, messages: Sequence[bytes]) -> None:
        pass

    def consumed(self, count: int) -> None:
        pass

    def close(self) -> None:
        self.observer = None

    def reset(self) -> None:
        self.observer = None


def open_at_once(connection: Connection, count: int) -> list[Channel]:
    """Have the peer open so many streams, and propose the protocol on each, before any task runs."""
    channels = [Channel() for _ in range(count)]
    for channel in channels:
        connection.channel_opened(channel)
        channel.arrive(encode_data(HELLO))
    return channels


@asynccontextmanager
async def two_connections(
    ends: Ends, settled: Settled
) -> AsyncIterator[tuple[Connection, Connection, list[Connection]]]:
    """A listener's connections to two peers, and whose streams have begun, in order."""
    begun: list[Connection] = []

    async def note(stream: Stream) -> None:
        begun.append(stream.connection)

    async with (
        ends.listen(handlers={ECHO_PROTOCOL: note}) as listener,
        ends.raw_peer(listener),
        ends.raw_peer(listener),
    ):
        await settled(lambda: len(listener.connections) == 2)
        one, other = listener.connections
        yield one, other, begun


async def test_one_stream_does_not_wait_for_the_many_of_another_connection(
    ends: Ends, settled: Settled
) -> None:
    async with two_connections(ends, settled) as (busy, other, begun):
        open_at_once(busy, MANY)
        open_at_once(other, 1)
        await settled(lambda: len(begun) == MANY + 1)
        assert begun.index(other) < MANY / 10


async def test_a_stream_that_is_reset_while_it_waits_begins_nothing(ends: Ends, settled: Settled) -> None:
    begun: list[Stream] = []

    async def note(stream: Stream) -> None:
        begun.append(stream)

    async with ends.listen(handlers={ECHO_PROTOCOL: note}) as listener, ends.raw_peer(listener):
        await settled(lambda: bool(listener.connections))
        connection = listener.connections[0]
        for channel in open_at_once(connection, MANY):
            channel.arrive([encode_flag(Flag.RESET_STREAM)])
        open_at_once(connection, 1)
        await settled(lambda: bool(begun))
        assert len(begun) == 1
        assert PROCESS_PENDING_STREAMS.total == 0


async def test_what_waits_goes_on_where_the_connection_that_begins_it_ends(
    ends: Ends, settled: Settled
) -> None:
    async with two_connections(ends, settled) as (ending, lasting, begun):
        open_at_once(ending, MANY)
        open_at_once(lasting, MANY)
        await settled(lambda: bool(begun))
        ending.abort()
        await settled(lambda: begun.count(lasting) == MANY)
        assert begun.count(ending) < MANY


@pytest.mark.parametrize(
    ("limits", "field", "says"),
    [
        (Limits(max_pending_streams_process=6), "max_pending_streams_process", False),
        (Limits(max_streams_process=6), "max_streams_process", True),
    ],
)
async def test_the_streams_of_all_connections_are_bounded(
    ends: Ends, settled: Settled, limits: Limits, field: str, says: bool
) -> None:
    async with (
        ends.listen(handlers=ECHO, limits=limits) as listener,
        ends.raw_peer(listener) as greedy,
        ends.raw_peer(listener) as other,
    ):
        channels = [greedy.open() for _ in range(5)]
        # Half of them are one connection's, half of what is left another's, and so on.
        await settled(lambda: [channel.closed for channel in channels] == [False] * 3 + [True] * 2)
        if says:
            for channel in channels[:3]:
                channel.send_data(HELLO)
            await settled(lambda: all(channel.data == HELLO for channel in channels[:3]))
        others = [other.open() for _ in range(3)]
        await settled(lambda: [channel.closed for channel in others] == [False, False, True])
        assert listener.refusals == {field: 3}
