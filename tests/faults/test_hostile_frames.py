"""A stream whose frames break the rules is reset; the connection and its other streams live."""

from __future__ import annotations

from functools import partial

import anyio
import pytest
from tests.faults.raw_client import negotiate, raw_client
from tests.faults.support import ADDRESS, HANDLERS, echoes
from tests.support import ECHO, SECONDS, RawChannel, settled

import webrtc_direct
from webrtc_direct.streams.message import Flag, encode_data, encode_flag

# 65540, a little more than Limits.max_received_frame.
LIMIT_VARINT = b"\x84\x80\x04"
# A frame's body is protobuf: field 1 is the flag, field 2 the payload.
FIN_WITH_PAYLOAD = b"\x07\x08\x00\x12\x03abc"

BAD_FRAMES = {
    "a frame over the limit": [LIMIT_VARINT, bytes(1000)],
    "a frame of four gigabytes": [b"\xff\xff\xff\xff\x0f", bytes(1000)],
    "a length that does not end": [b"\x80" * 11],
    "a length of more than 64 bits": [b"\xff" * 9 + b"\x7f"],
    "a body that is no protobuf": [b"\x03\xff\xff\xff"],
    "a field that is longer than the body": [b"\x03\x12\x7fa"],
    "a field of a wire type that does not exist": [b"\x02\x0f\x00"],
    "field number zero": [b"\x02\x00\x00"],
    "a payload field that is a number": [b"\x02\x10\x01"],
    "data after FIN": [encode_flag(Flag.FIN), *encode_data(b"more")],
    "data after FIN with a payload": [FIN_WITH_PAYLOAD, *encode_data(b"more")],
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_bad_frame_resets_its_stream_and_nothing_else(name: str) -> None:
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        with anyio.fail_after(SECONDS):
            async with raw_client(listener.addresses[0]) as peer:
                good, bad, early = (RawChannel(peer.open_channel()) for _ in range(3))
                await negotiate(good, ECHO)
                await negotiate(bad, ECHO)
                bad.send(*BAD_FRAMES[name])
                # Before anything is agreed, too.
                early.send(*BAD_FRAMES[name])
                await settled(lambda: bad.closed and early.closed, "both are reset")
                assert Flag.RESET_STREAM in bad.flags
                good.send(*encode_data(b"still here"))
                await settled(lambda: good.data == b"still here", "the other stream goes on")
                (server,) = listener.connections
                assert server.streams == 1
                assert server.stats().unread_bytes == 0


async def test_a_bad_frame_behind_good_data_resets_the_stream() -> None:
    got: list[bytes] = []
    problem: list[Exception] = []
    done = anyio.Event()

    async def handler(stream: webrtc_direct.Stream) -> None:
        try:
            while data := await stream.read():
                got.append(data)
        except webrtc_direct.StreamReset as error:
            problem.append(error)
        done.set()

    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, handlers={"/take": handler}) as listener:
            async with raw_client(listener.addresses[0]) as peer:
                channel = RawChannel(peer.open_channel())
                await negotiate(channel, "/take")
                channel.send(*encode_data(b"good"))
                await settled(lambda: got == [b"good"], "the good data is read")
                channel.send(b"\x03\xff\xff\xff")
                await done.wait()
                assert "broke the protocol" in str(problem[0])


@pytest.mark.parametrize("pieces", [1, 7, 1000])
async def test_frames_that_are_cut_anywhere_are_put_together(pieces: int) -> None:
    data = bytes(range(256)) * 300
    sent = b"".join(encode_data(data))
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
            async with raw_client(listener.addresses[0]) as peer:
                channel = RawChannel(peer.open_channel())
                await negotiate(channel, ECHO)
                step = max(1, min(16384, len(sent) // pieces))
                channel.send(*(sent[at : at + step] for at in range(0, len(sent), step)))
                await settled(lambda: channel.data == data, "it comes back")


async def test_unknown_flags_and_fields_are_harmless() -> None:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
            async with raw_client(listener.addresses[0]) as peer:
                channel = RawChannel(peer.open_channel())
                await negotiate(channel, ECHO)
                # Flag 9; field 3 (go's error code); field 15 with bytes; a FIN_ACK that nobody asked for.
                channel.send(b"\x02\x08\x09", b"\x02\x18\x05", b"\x04\x7a\x02ab", encode_flag(Flag.FIN_ACK))
                channel.send(*encode_data(b"alive"))
                await settled(lambda: channel.data == b"alive", "the stream goes on")


def _all_closed(channels: list[RawChannel]) -> bool:
    return all(channel.closed for channel in channels)


async def test_many_bad_streams_cost_the_honest_ones_nothing() -> None:
    with anyio.fail_after(2 * SECONDS):
        async with (
            webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener,
            webrtc_direct.dial(listener.addresses[0]) as honest,
            raw_client(listener.addresses[0]) as peer,
        ):
            for _ in range(10):
                channels = [RawChannel(peer.open_channel()) for _ in range(20)]
                for channel in channels:
                    channel.send(b"\x03\xff\xff\xff")
                await settled(partial(_all_closed, channels), "they are reset")
            assert await echoes(honest, bytes(100_000))
            await settled(lambda: sum(c.streams for c in listener.connections) == 0, "no stream is left")
