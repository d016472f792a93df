"""A peer that is authentic and breaks the rules harms one stream at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import (
    KeyPair,
    LimitExceeded,
    Limits,
    RemoteProtocolError,
    Stream,
    echo_handler,
    identify,
    ping,
)
from webrtc_direct.connection.authentication import authenticate
from webrtc_direct.encoding import protobuf
from webrtc_direct.handshake.noise import NoiseKeys
from webrtc_direct.protocols.echo import ECHO_PROTOCOL
from webrtc_direct.protocols.identify import IDENTIFY_PROTOCOL
from webrtc_direct.streams.message import Flag, encode_data, encode_flag
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    from tests.integration_memory.conftest import Ends, Settled

ECHO = {ECHO_PROTOCOL: echo_handler}
HELLO = encode(HEADER) + encode(ECHO_PROTOCOL)


async def test_a_listener_reads_before_it_writes(ends: Ends, settled: Settled) -> None:
    async with ends.listen(handlers=ECHO) as listener, ends.raw_peer(listener) as peer:
        channel = peer.open()
        await anyio.wait_all_tasks_blocked()
        assert channel.frames == []
        channel.send_data(HELLO)
        await settled(lambda: channel.data == HELLO)


async def test_a_lazy_dialer_sends_data_with_its_proposal(ends: Ends, settled: Settled) -> None:
    async with ends.listen(handlers=ECHO) as listener, ends.raw_peer(listener) as peer:
        channel = peer.open()
        # smoldot sends FIN together with the last payload.
        channel.send_data(HELLO + b"abc")
        channel.send(b"\x07\x08\x00\x12\x03def")
        await settled(lambda: channel.data == HELLO + b"abcdef")
        await settled(lambda: Flag.FIN_ACK in channel.flags and Flag.FIN in channel.flags)
        assert channel.flags.count(Flag.FIN_ACK) == 1
        # Never data and FIN in one frame: rust-libp2p would lose the data.
        assert [payload for flag, payload in channel.frames if flag is not None and payload] == []
        channel.send(encode_flag(Flag.FIN_ACK))
        await settled(lambda: channel.closed)


async def test_frames_may_be_cut_anywhere(ends: Ends, settled: Settled) -> None:
    async with ends.listen(handlers=ECHO) as listener, ends.raw_peer(listener) as peer:
        channel = peer.open()
        data = b"".join(encode_data(HELLO + bytes(range(256))))
        channel.send(*(data[index : index + 1] for index in range(len(data))))
        await settled(lambda: channel.data == HELLO + bytes(range(256)))


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x02\x08\x00\x03\x12\x01x",
        b"\xff\xff\xff\x7f",
        b"\x81\x00",
        b"\x02\x12\x7f",
        b"\x04\x08\x00\x08\x00",
    ],
    ids=["data after FIN", "frame too large", "long varint", "field cut off", "flag twice"],
)
async def test_a_broken_frame_resets_that_stream_only(ends: Ends, settled: Settled, garbage: bytes) -> None:
    async with ends.listen(handlers=ECHO) as listener, ends.raw_peer(listener) as peer:
        good, bad = peer.open(), peer.open()
        good.send_data(HELLO)
        bad.send_data(HELLO)
        await settled(lambda: bad.data == HELLO)
        bad.send(garbage)
        await settled(lambda: bad.closed and Flag.RESET_STREAM in bad.flags)
        good.send_data(b"still here")
        await settled(lambda: good.data.endswith(b"still here"))
        assert listener.connections[0].streams == 1
        assert listener.connections[0].stats().unread_bytes == 0


async def test_unknown_flags_and_fields_are_ignored(ends: Ends, settled: Settled) -> None:
    async with ends.listen(handlers=ECHO) as listener, ends.raw_peer(listener) as peer:
        channel = peer.open()
        channel.send_data(HELLO)
        # Flag 9; an unsolicited FIN_ACK; field 3 beside a payload.
        channel.send(b"\x02\x08\x09", encode_flag(Flag.FIN_ACK), b"\x05\x12\x01x\x18\x07")
        await settled(lambda: channel.data == HELLO + b"x")


async def test_a_channel_that_closes_without_fin_is_a_reset(ends: Ends, settled: Settled) -> None:
    problems: list[str] = []

    async def read(stream: Stream) -> None:
        try:
            while await stream.read():
                pass
        except Exception as error:
            problems.append(str(error))
            raise

    async with ends.listen(handlers={ECHO_PROTOCOL: read}) as listener, ends.raw_peer(listener) as peer:
        channel = peer.open()
        channel.send_data(HELLO)
        await settled(lambda: channel.data == HELLO)
        channel.channel.close()
        await settled(lambda: bool(problems))
    assert problems == ["the peer closed the stream without ending it"]


async def test_channels_opened_before_the_handshake_are_served_after_it(ends: Ends, settled: Settled) -> None:
    async with ends.listen(handlers=ECHO) as listener, ends.raw_connection(listener) as connection:
        channel = ends.raw_channel(connection)
        channel.send_data(HELLO)
        await anyio.wait_all_tasks_blocked()
        assert channel.frames == []
        await authenticate(connection, await NoiseKeys.create(KeyPair.generate()), limits=Limits(), seconds=5)
        await settled(lambda: channel.data == HELLO)
        connection.abort()


@pytest.mark.parametrize("what", ["FIN", "RESET_STREAM", "data", "garbage", "SCTP reset"])
async def test_nothing_on_channel_0_matters_after_the_handshake(
    ends: Ends, settled: Settled, what: str
) -> None:
    async with ends.listen(handlers=ECHO) as listener, ends.raw_peer(listener) as peer:
        zero = peer.connection.handshake_channel
        if what == "SCTP reset":
            zero.close()
        else:
            messages = {"data": b"\x03\x12\x01x", "garbage": b"\xff" * 12}
            zero.send([messages.get(what) or encode_flag(Flag[what])])
        channel = peer.open()
        channel.send_data(HELLO)
        await settled(lambda: channel.data == HELLO)
        assert len(listener.connections) == 1


async def test_pending_streams_are_bounded(ends: Ends, settled: Settled) -> None:
    # Long enough for a loaded machine to see the state before.
    limits = Limits(max_pending_streams=3, negotiation_timeout=1.0)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        channels = [peer.open() for _ in range(5)]
        await settled(lambda: [channel.closed for channel in channels] == [False] * 3 + [True] * 2)
        # Who does not negotiate in time makes room for others.
        await settled(lambda: all(channel.closed for channel in channels))
        late = peer.open()
        late.send_data(HELLO)
        await settled(lambda: late.data == HELLO)


async def test_open_streams_are_bounded_at_both_ends(ends: Ends, settled: Settled) -> None:
    async with ends.pair(server=ECHO, limits=Limits(max_channels=2)) as pair:
        streams = [await pair.client.open_stream(ECHO_PROTOCOL) for _ in range(2)]
        with pytest.raises(LimitExceeded) as caught:
            await pair.client.open_stream(ECHO_PROTOCOL)
        assert caught.value.limit == "max_channels"
        for stream in streams:
            stream.reset()
        await settled(lambda: pair.server.streams == 0)
    async with (
        ends.listen(handlers=ECHO, limits=Limits(max_channels=2)) as listener,
        ends.raw_peer(listener) as peer,
    ):
        channels = [peer.open() for _ in range(3)]
        await settled(lambda: [channel.closed for channel in channels] == [False, False, True])


async def test_the_names_of_protocols_are_bounded(ends: Ends, settled: Settled) -> None:
    limits = Limits(max_protocol_name=30)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        short, long = peer.open(), peer.open()
        short.send_data(encode(HEADER) + encode("/" + 29 * "x"))
        long.send_data(encode(HEADER) + encode("/" + 30 * "x"))
        await settled(lambda: short.data == encode(HEADER) + encode("na"))
        await settled(lambda: long.closed)
        assert listener.refusals == listener.connections[0].refusals == {"max_protocol_name": 1}
    # The other way round: the listener's answer begins with a name of 18 bytes.
    async with (
        ends.listen(handlers=ECHO) as listener,
        ends.dial(listener.addresses[0], limits=Limits(max_protocol_name=17)) as connection,
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            await connection.open_stream(ECHO_PROTOCOL)
        assert caught.value.limit == "max_protocol_name"
        assert connection.refusals == {"max_protocol_name": 1}


async def test_a_long_frame_is_accepted_up_to_the_limit(ends: Ends, settled: Settled) -> None:
    limits = Limits(max_received_frame=1000)
    async with ends.listen(handlers=ECHO, limits=limits) as listener, ends.raw_peer(listener) as peer:
        channels = [peer.open(), peer.open()]
        for channel, size in zip(channels, (995, 996), strict=True):
            channel.send_data(HELLO)
            channel.send_data(bytes(size))
        await settled(lambda: len(channels[0].data) == len(HELLO) + 995)
        await settled(lambda: channels[1].closed)
        assert listener.refusals == listener.connections[0].refusals == {"max_received_frame": 1}


@pytest.mark.parametrize("answer", [b"", b"\x05abc", b"\x03\xff\xff\xff", b"\xff\xff\xff\xff\xff\x01"])
async def test_a_senseless_answer_to_identify_is_the_peers_fault(ends: Ends, answer: bytes) -> None:
    async def lie(stream: Stream) -> None:
        await stream.write(answer)

    async with ends.pair(server={IDENTIFY_PROTOCOL: lie}) as pair:
        with pytest.raises(RemoteProtocolError, match="identify"):
            await identify(pair.client)
        await ping(pair.client)


async def test_what_a_peer_says_of_itself_is_text_whatever_its_bytes(ends: Ends) -> None:
    async def mumble(stream: Stream) -> None:
        message = protobuf.encode([(3, b"/\xff/1"), (5, b"\xed\xa0\x80"), (6, b"caf\xe9/1.0")])
        await stream.write(bytes([len(message)]) + message)

    async with ends.pair(server={IDENTIFY_PROTOCOL: mumble}) as pair:
        info = await identify(pair.client)
        assert (info.agent, info.protocols) == ("caf\ufffd/1.0", ("/\ufffd/1",))
        assert set(info.protocol_version) == {"\ufffd"}


async def test_the_answer_to_identify_is_bounded(ends: Ends) -> None:
    async def flood(stream: Stream) -> None:
        await stream.write(bytes(10_000))

    async with ends.pair(server={IDENTIFY_PROTOCOL: flood}, limits=Limits(max_identify=1000)) as pair:
        with pytest.raises(LimitExceeded):
            await identify(pair.client)
