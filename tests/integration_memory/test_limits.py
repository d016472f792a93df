"""What the limits above the seam refuse, and that they say so, in the log and in the counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import (
    CloseKind,
    ConnectionLost,
    HandshakeError,
    Limits,
    Stream,
    StreamReset,
    echo_handler,
    ping,
    ping_stream,
)
from webrtc_direct.platform.memory_connection import MemoryConnection
from webrtc_direct.protocols.echo import ECHO_PROTOCOL
from webrtc_direct.streams.message import Flag, encode_data, encode_flag
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    from tests.integration_memory.conftest import Ends, Settled

    from webrtc_direct import CloseReason, Connection

ECHO = {ECHO_PROTOCOL: echo_handler}
HELLO = encode(HEADER) + encode(ECHO_PROTOCOL)
KIB = 1024


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(("bound", "is_reset"), [(256 * KIB, True), (16 * 1024 * KIB, False)])
async def test_what_is_unread_is_bounded_where_the_peer_cannot_be_slowed_down(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, bound: int, is_reset: bool
) -> None:
    monkeypatch.setattr(MemoryConnection, "can_slow_peer", False)
    # A browser hands over everything, whatever is unread.
    unread_bytes = 64 * 1024 * KIB
    limits = Limits(unread_bytes=unread_bytes, unread_bytes_in_browser=bound)
    # Else the echo, which nothing slows down either, may be the one that resets.
    server_limits = Limits(unread_bytes=unread_bytes, unread_bytes_in_browser=unread_bytes)
    async with ends.pair(server=ECHO, client=ECHO, limits=limits, server_limits=server_limits) as pair:
        idle = await pair.client.open_stream(ECHO_PROTOCOL)
        stream = await pair.client.open_stream(ECHO_PROTOCOL)
        data = bytes(4 * 1024 * KIB)
        if is_reset:
            with pytest.raises(StreamReset, match="a browser cannot slow down"):
                await stream.write(data)
        else:
            await stream.write(data)
            assert await stream.read_exactly(len(data)) == data
        await idle.write(b"goes on")
        assert await idle.read_exactly(7) == b"goes on"
        assert pair.client.refusals == ({"unread_bytes_in_browser": 1} if is_reset else {})


@pytest.mark.parametrize("bound", [100, 4096])
@pytest.mark.parametrize("end", ["dialer", "listener"])
async def test_a_noise_message_is_bounded(ends: Ends, settled: Settled, bound: int, end: str) -> None:
    limits = Limits(max_noise_payload=bound)
    async with ends.listen(limits=limits if end == "listener" else None) as listener:
        dialed = ends.dial(listener.addresses[0], limits=limits if end == "dialer" else None)
        if bound == 4096:
            async with dialed as connection:
                await ping(connection)
            assert listener.refusals == {}
            return
        with pytest.raises(HandshakeError) as caught:
            async with dialed:
                pytest.fail("connected")
        if end == "dialer":
            assert caught.value.limit == "max_noise_payload"
        else:
            await settled(lambda: listener.refusals == {"max_noise_payload": 1})


@pytest.mark.parametrize(("rate", "allowed"), [(0.001, 1), (2.0, 4)])
async def test_streams_of_the_peer_come_at_a_bounded_rate(
    ends: Ends, settled: Settled, caplog: pytest.LogCaptureFixture, rate: float, allowed: int
) -> None:
    # The rate is low, so that a slow machine earns no further stream meanwhile.
    limits = Limits(streams_per_second=rate)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        channels = [peer.open() for _ in range(allowed + 20)]
        await settled(lambda: sum(channel.closed for channel in channels) >= 19)
        assert not any(channel.closed for channel in channels[:allowed])
        (server,) = listener.connections
        assert server.refusals == listener.refusals
        assert 19 <= listener.refusals["streams_per_second"] <= 20
        # Once, not twenty times.
        assert [message for message in warnings(caplog) if "streams_per_second" in message] == [
            f"the limit streams_per_second={rate} has refused 1 time(s), 1 in all"
        ]


@pytest.mark.parametrize("how", ["RESET_STREAM", "channel"])
async def test_who_opens_and_resets_too_many_streams_is_cut_off(ends: Ends, how: str) -> None:
    limits = Limits(resets_per_second=2.0, max_channels=4)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        for _ in range(40):
            channel = peer.open()
            channel.send_data(HELLO)
            if how == "RESET_STREAM":
                channel.send(encode_flag(Flag.RESET_STREAM))
            else:
                channel.channel.close()
        reason = await peer.connection.wait_closed()
        assert reason.kind is CloseKind.REMOTE
        assert listener.refusals["resets_per_second"] >= 1


async def test_who_resets_as_fast_as_is_allowed_is_served(ends: Ends, settled: Settled) -> None:
    limits = Limits(resets_per_second=0.5, max_channels=40)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        for _ in range(40):
            channel = peer.open()
            channel.send_data(HELLO)
            channel.send(encode_flag(Flag.RESET_STREAM))
        last = peer.open()
        last.send_data(HELLO)
        await settled(lambda: last.data == HELLO)
        assert listener.refusals == {}


async def test_the_reason_of_a_limit_is_known_at_this_end(ends: Ends, settled: Settled) -> None:
    ended: list[CloseReason] = []
    limits = Limits(resets_per_second=0.5, max_channels=4)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        listener.on_disconnected = lambda _, reason: ended.append(reason)
        for _ in range(5):
            peer.open().send(encode_flag(Flag.RESET_STREAM))
        await settled(lambda: bool(ended))
    assert ended[0].kind is CloseKind.LIMIT
    assert "Limits.resets_per_second" in ended[0].detail


async def test_pending_streams_and_channels_are_counted_where_they_are_refused(
    ends: Ends, settled: Settled
) -> None:
    limits = Limits(max_pending_streams=2, negotiation_timeout=0.1)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        channels = [peer.open() for _ in range(5)]
        await settled(lambda: all(channel.closed for channel in channels))
        await settled(lambda: listener.refusals == {"max_pending_streams": 3, "negotiation_timeout": 2})
    async with (
        ends.listen(handlers=ECHO, limits=Limits(max_channels=2)) as listener,
        ends.raw_peer(listener) as peer,
    ):
        for _ in range(3):
            peer.open()
        await settled(lambda: listener.refusals == {"max_channels": 1})


async def ping_for_ever(connection: Connection) -> None:
    async with ping_stream(connection) as pings:
        while True:
            await pings.ping()
            await anyio.sleep(0.01)


async def test_an_idle_connection_is_closed(ends: Ends) -> None:
    reasons: list[CloseReason] = []
    async with ends.listen(limits=Limits(idle_timeout=0.2)) as listener:
        listener.on_disconnected = lambda _, reason: reasons.append(reason)
        async with ends.dial(listener.addresses[0]) as connection:
            with pytest.raises(ConnectionLost):
                # The peer's pings do not count.
                await ping_for_ever(connection)
    assert [(reason.kind, "Limits.idle_timeout" in reason.detail) for reason in reasons] == [
        (CloseKind.LIMIT, True)
    ]


@pytest.mark.parametrize("idle_timeout", [1.0, None])
async def test_a_connection_with_a_stream_is_not_idle(ends: Ends, idle_timeout: float | None) -> None:
    limits = Limits(idle_timeout=idle_timeout)
    async with ends.pair(server=ECHO, limits=limits) as pair:
        async with pair.client.open_stream(ECHO_PROTOCOL) as stream:
            await anyio.sleep(1.5)
            await stream.write(b"x")
            assert await stream.read() == b"x"
        if idle_timeout is None:
            await anyio.sleep(1.5)
            await ping(pair.client)
        else:
            # Both ends have the same limit; whoever is first tells the other.
            reason = await pair.client.wait_closed()
            assert "idle_timeout" in reason.detail or reason.kind is CloseKind.REMOTE


@pytest.mark.parametrize(("per_stream", "reset"), [(16 * KIB, 3), (1024 * KIB, 1)])
async def test_streams_that_hold_too_much_unread_are_reset_together(
    ends: Ends, settled: Settled, per_stream: int, reset: int
) -> None:
    served: list[Stream] = []

    async def hold(stream: Stream) -> None:
        served.append(stream)
        await anyio.sleep_forever()

    limits = Limits(
        unread_bytes=128 * KIB, unread_bytes_per_stream=per_stream, stall_timeout=0.3, close_timeout=0.1
    )
    async with ends.pair(server={ECHO_PROTOCOL: hold}, server_limits=limits) as pair:
        streams = [await pair.client.open_stream(ECHO_PROTOCOL) for _ in range(3)]
        for stream in streams:
            await stream.write(bytes(50 * KIB))
        await settled(lambda: pair.server.refusals.get("stall_timeout", 0) > 0)
        assert pair.server.refusals["stall_timeout"] == reset
        assert sum("reset" in repr(stream) for stream in served) == reset
        pair.client.abort()


async def test_the_unread_bytes_of_all_connections_are_bounded(ends: Ends, settled: Settled) -> None:
    proceed = anyio.Event()
    read = 0

    async def read_later(stream: Stream) -> None:
        nonlocal read
        await proceed.wait()
        async for data in stream:
            read += len(data)

    size, connections = 600_000, 4
    limits = Limits(unread_bytes_process=256 * KIB)
    async with ends.listen(handlers={ECHO_PROTOCOL: read_later}, limits=limits) as listener:

        async def write() -> None:
            async with ends.dial(listener.addresses[0]) as connection:
                async with connection.open_stream(ECHO_PROTOCOL) as stream:
                    await stream.write(bytes(size))
                    await stream.close_write()
                    assert await stream.read() == b""

        async with anyio.create_task_group() as tasks:
            for _ in range(connections):
                tasks.start_soon(write)
            await settled(lambda: listener.refusals.get("unread_bytes_process", 0) > 0)
            await settled(lambda: len(listener.connections) == connections)
            await anyio.sleep(0.2)
            unread = sum(connection.stats().unread_bytes for connection in listener.connections)
            # Each connection may add one delivery before it is stopped.
            assert 256 * KIB <= unread <= (256 + connections * 256) * KIB < connections * size
            proceed.set()
        assert read == connections * size


async def test_what_nobody_reads_gives_way_when_the_process_is_full(ends: Ends) -> None:
    async def hold(stream: Stream) -> None:
        await anyio.sleep_forever()

    limits = Limits(unread_bytes_process=256 * KIB, stall_timeout=0.3, close_timeout=0.1)
    async with (
        ends.listen(handlers={"/hold/1": hold, **ECHO}, limits=limits) as listener,
        ends.dial(listener.addresses[0]) as greedy,
        ends.dial(listener.addresses[0]) as honest,
    ):
        stalled = await greedy.open_stream("/hold/1")
        with pytest.raises(StreamReset):
            await stalled.write(bytes(20_000_000))
        async with honest.open_stream(ECHO_PROTOCOL) as stream:
            await stream.write(bytes(100_000))
            assert await stream.read_exactly(100_000) == bytes(100_000)
        assert listener.refusals["stall_timeout"] >= 1
        greedy.abort()


async def test_a_stream_that_is_opened_and_reset_in_one_breath_begins_nothing(
    ends: Ends, settled: Settled
) -> None:
    begun: list[Stream] = []

    async def note(stream: Stream) -> None:
        begun.append(stream)

    async with ends.listen(handlers={ECHO_PROTOCOL: note}) as listener, ends.raw_peer(listener) as peer:
        for _ in range(10):
            channel = peer.open()
            channel.channel.send([*encode_data(HELLO), encode_flag(Flag.RESET_STREAM)])
        last = peer.open()
        last.send_data(HELLO)
        await settled(lambda: last.data == HELLO)
        assert len(begun) == 1


async def test_a_channel_on_which_the_peer_says_nothing_is_reset(ends: Ends, settled: Settled) -> None:
    limits = Limits(negotiation_timeout=0.1)
    async with ends.listen(limits=limits) as listener, ends.raw_peer(listener) as peer:
        channel = peer.open()
        await settled(lambda: channel.closed)
        assert listener.refusals == {"negotiation_timeout": 1}
