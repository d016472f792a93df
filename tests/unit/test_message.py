"""Framing of streams, byte for byte, with the frames that real peers send."""

from __future__ import annotations

import pytest

from webrtc_direct.bounds.limits import Limits
from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.streams.message import (
    MAX_FRAME,
    MAX_JOINED_FRAME,
    MAX_PAYLOAD,
    Flag,
    Frame,
    MessageDecoder,
    encode_data,
    encode_flag,
)

LIMIT = Limits().max_received_frame


def decode(data: bytes, *, max_frame: int = LIMIT) -> list[Frame]:
    decoder = MessageDecoder(max_frame)
    frames = decoder.feed_untrusted(data)
    assert decoder.buffered == 0
    return frames


@pytest.mark.parametrize(
    ("flag", "encoded"),
    [
        (Flag.FIN, "020800"),
        (Flag.STOP_SENDING, "020801"),
        (Flag.RESET_STREAM, "020802"),
        (Flag.FIN_ACK, "020803"),
    ],
)
def test_flag_is_a_frame_of_three_bytes(flag: Flag, encoded: str) -> None:
    assert encode_flag(flag).hex() == encoded
    assert decode(bytes.fromhex(encoded)) == [(flag, b"")]


def test_small_payload_is_one_message() -> None:
    assert encode_data(b"ping") == [bytes.fromhex("06 12 04") + b"ping"]


def test_nothing_to_send_is_no_message() -> None:
    assert encode_data(b"") == []


# go-libp2p ends a stream on an SCTP message over 4096 bytes that holds its own length prefix.
@pytest.mark.parametrize(
    ("size", "messages"),
    [
        (MAX_JOINED_FRAME - 5, [MAX_JOINED_FRAME]),
        (MAX_JOINED_FRAME - 4, [2, MAX_JOINED_FRAME - 1]),
        (MAX_PAYLOAD, [2, MAX_PAYLOAD + 3]),
        (MAX_PAYLOAD + 1, [2, MAX_PAYLOAD + 3, 4]),
        (2 * MAX_PAYLOAD, [2, MAX_PAYLOAD + 3] * 2),
    ],
)
def test_large_frame_is_prefix_and_body_in_two_messages(size: int, messages: list[int]) -> None:
    assert [len(message) for message in encode_data(bytes(size))] == messages


def test_whole_frame_stays_within_the_spec_and_within_rust() -> None:
    prefix, body = encode_data(bytes(MAX_PAYLOAD))
    assert len(prefix) + len(body) <= MAX_FRAME
    assert len(body) <= 16382


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_like_can_be_sent(kind: type[bytes] | type[bytearray] | type[memoryview]) -> None:
    data = bytes(range(256)) * 200
    frames = decode(b"".join(encode_data(kind(data))))
    assert b"".join(payload for _, payload in frames) == data


@pytest.mark.parametrize(
    ("encoded", "frames"),
    [
        # smoldot: always an empty payload field, payload and flag in one frame.
        ("0408001200", [(Flag.FIN, b"")]),
        ("0408031200", [(Flag.FIN_ACK, b"")]),
        ("2408031220" + "ab" * 32, [(Flag.FIN_ACK, b"\xab" * 32)]),
        ("03120100", [(None, b"\x00")]),
        # go: an error code in field 3, after a reset.
        ("0508021881 20", [(Flag.RESET_STREAM, b"")]),
        # Payload first, then flag: the order of fields means nothing.
        ("06 1202aabb 0800", [(Flag.FIN, b"\xaa\xbb")]),
        # An unknown flag does not harm the payload beside it.
        ("05 0807 1201ff", [(None, b"\xff")]),
        ("0b 08ffffffffffffffffff01", []),
        # Frames that say nothing.
        ("00", []),
        ("021200", []),
        # Unknown fields of every wire type that has a meaning.
        ("07 1801 0802 220100", [(Flag.RESET_STREAM, b"")]),
        ("0b 190102030405060708 0800", [(Flag.FIN, b"")]),
        ("07 1d01020304 0800", [(Flag.FIN, b"")]),
    ],
)
def test_frames_of_real_peers(encoded: str, frames: list[Frame]) -> None:
    assert decode(bytes.fromhex(encoded)) == frames


def test_noise_frames_of_smoldot() -> None:
    message1 = bytes.fromhex("24 12 22 00 20") + bytes(32)
    message2 = bytes.fromhex("cd 01 12 ca 01 00 c8") + bytes(200)
    message3 = bytes.fromhex("ad 01 12 aa 01 00 a8") + bytes(168)
    frames = decode(message1 + message2 + message3)
    assert frames == [
        (None, b"\x00\x20" + bytes(32)),
        (None, b"\x00\xc8" + bytes(200)),
        (None, b"\x00\xa8" + bytes(168)),
    ]


@pytest.mark.parametrize("size", [16383, 16384, 16385, 16391, LIMIT])
def test_frame_up_to_the_limit_is_accepted(size: int) -> None:
    body = size - (2 if size - 2 < 1 << 14 else 3)
    payload = body - 1 - (2 if body - 3 < 1 << 14 else 3)
    frame = _varint(body) + b"\x12" + _varint(payload) + bytes(payload)
    assert len(frame) == size
    assert decode(frame) == [(None, bytes(payload))]


def test_frame_over_the_limit_is_refused_at_its_prefix() -> None:
    with pytest.raises(RemoteProtocolError, match=f"{LIMIT + 1} bytes"):
        decode(_varint(LIMIT - 2))


@pytest.mark.parametrize("split", [1, 2])
def test_limit_holds_for_a_prefix_that_comes_in_pieces(split: int) -> None:
    prefix = _varint(LIMIT - 2)
    decoder = MessageDecoder(LIMIT)
    assert decoder.feed_untrusted(prefix[:split]) == []
    with pytest.raises(RemoteProtocolError):
        decoder.feed_untrusted(prefix[split:])


def test_limit_on_frames_is_the_one_that_is_given() -> None:
    assert decode(bytes.fromhex("041202aabb"), max_frame=5) == [(None, b"\xaa\xbb")]
    with pytest.raises(RemoteProtocolError):
        decode(bytes.fromhex("041202aabb"), max_frame=4)
    large = b"".join(encode_data(bytes(8000)))
    with pytest.raises(RemoteProtocolError):
        decode(large, max_frame=len(large) - 1)


@pytest.mark.parametrize(
    "encoded",
    [
        "8100",  # length in too many bytes
        "808000",
        "ffffffffffffffffffff01",  # length of more than 64 bits
        "ffffffffffffffffff7f",
        "0112",  # payload without a length
        "021201",  # payload cut off
        "0612ff7f000000",  # payload longer than the frame
        "0108",  # flag without a value
        "020880",  # flag cut off
        "03088000",  # flag in too many bytes
        "0408000800",  # flag twice
        "0412001200",  # payload twice
        "06120101120102",
        "020a00",  # flag as a string
        "021001",  # payload as a number
        "020001",  # field 0
        "0ef98080808001" + "00" * 8,  # a field number of more than 29 bits
        "0113",  # groups
        "0123",
        "0124",
        "0126",  # no such wire type
        "0127",
        "0219ff",  # fixed fields cut off
        "021dff",
        "0122",  # unknown field without a length
        "0222ff",
    ],
)
def test_malformed_frame_is_refused(encoded: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(bytes.fromhex(encoded))


@pytest.mark.parametrize("second", ["00", "ff"])
def test_malformed_large_frame_is_refused(second: str) -> None:
    # The payload's length does not fit the frame, or is written in too many bytes.
    body = bytes.fromhex("12 80" + second) + bytes(200)
    with pytest.raises(RemoteProtocolError):
        decode(_varint(len(body)) + body)


def test_large_frame_with_payload_and_flag() -> None:
    body = b"\x12" + _varint(5000) + bytes(5000) + b"\x08\x00"
    assert decode(_varint(len(body)) + body) == [(Flag.FIN, bytes(5000))]


def test_incomplete_frame_is_counted_until_its_end() -> None:
    decoder = MessageDecoder(LIMIT)
    prefix, body = encode_data(bytes(5000))
    held = 0
    for piece in (prefix[:1], prefix[1:], body[:1], body[1:4000], body[4000:-1]):
        assert decoder.feed_untrusted(piece) == []
        held += len(piece)
        assert decoder.buffered == held
    assert decoder.feed_untrusted(body[-1:] + b"\x02") == [(None, bytes(5000))]
    assert decoder.buffered == 1
    assert decoder.feed_untrusted(b"\x08\x00") == [(Flag.FIN, b"")]
    assert decoder.buffered == 0


def test_nothing_received_is_no_frame() -> None:
    assert decode(b"") == []


def test_payload_keeps_nothing_else_alive() -> None:
    ((_, payload),) = decode(b"".join(encode_data(b"x" * 8000)))
    assert type(payload) is bytes


def _varint(value: int) -> bytes:
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])
