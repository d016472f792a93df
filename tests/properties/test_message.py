"""Framing: whatever the cuts, the same frames; and the same reading as protobuf's own library."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.streams.message import Flag, Frame, MessageDecoder, encode_data, encode_flag

LIMIT = 70_000
contents = st.lists(
    st.sampled_from(Flag) | st.binary(max_size=300) | st.integers(1, 50_000).map(lambda size: b"\xa5" * size),
    max_size=6,
)
cuts = st.lists(st.integers(0, 200_000), max_size=10)


def encoded(content: list[Flag | bytes]) -> bytes:
    return b"".join(
        encode_flag(item) if isinstance(item, Flag) else b"".join(encode_data(item)) for item in content
    )


def pieces_of(data: bytes, positions: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(position, len(data)) for position in positions), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def merged(frames: list[Frame]) -> list[Flag | bytes]:
    """Return flags, and between them all payload as one."""
    result: list[Flag | bytes] = []
    for flag, payload in frames:
        if payload:
            if result and isinstance(result[-1], bytes):
                result[-1] += payload
            else:
                result.append(payload)
        if flag is not None:
            result.append(flag)
    return result


@given(contents, cuts)
def test_what_is_sent_is_what_is_received_however_it_is_cut(
    content: list[Flag | bytes], positions: list[int]
) -> None:
    decoder = MessageDecoder(LIMIT)
    frames: list[Frame] = []
    for piece in pieces_of(encoded(content), positions):
        frames += decoder.feed_untrusted(piece)
    assert decoder.buffered == 0
    expected = merged([(item, b"") if isinstance(item, Flag) else (None, item) for item in content])
    assert merged(frames) == expected


@given(st.binary(max_size=120), cuts.map(lambda positions: [position % 121 for position in positions]))
def test_cuts_change_neither_frames_nor_errors(data: bytes, positions: list[int]) -> None:
    def read(pieces: list[bytes]) -> tuple[list[Frame], bool, int]:
        decoder = MessageDecoder(1000)
        frames: list[Frame] = []
        try:
            for piece in pieces:
                frames += decoder.feed_untrusted(piece)
        except RemoteProtocolError:
            return frames, True, 0
        return frames, False, decoder.buffered

    whole, cut = read([data]), read(pieces_of(data, positions))
    assert cut[1:] == whole[1:]
    if not whole[1]:
        assert cut == whole


@cache
def library_message() -> type[Message]:
    """Return the class that protobuf's library makes of ``Message``."""
    file = descriptor_pb2.FileDescriptorProto(name="message.proto", package="test", syntax="proto2")
    message = file.message_type.add(name="Message")
    field = descriptor_pb2.FieldDescriptorProto
    message.field.add(name="flag", number=1, type=field.TYPE_INT64, label=field.LABEL_OPTIONAL)
    message.field.add(name="message", number=2, type=field.TYPE_BYTES, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("test.Message"))


fields = st.sampled_from(
    [b"\x08\x00", b"\x08\x03", b"\x08\x07", b"\x12\x00", b"\x12\x03abc", b"\x18\x81\x20"]
)


@given(st.binary(max_size=100) | st.lists(fields | st.binary(max_size=6), max_size=5).map(b"".join))
def test_accepted_message_means_the_same_to_the_protobuf_library(body: bytes) -> None:
    if len(body) >= 0x80:
        return
    try:
        frames = MessageDecoder(1000).feed_untrusted(bytes([len(body)]) + body)
    except RemoteProtocolError:
        return
    theirs = library_message()()
    try:
        theirs.ParseFromString(body)
    except DecodeError as error:
        raise AssertionError("accepted what the library refuses") from error
    flag, payload = frames[0] if frames else (None, b"")
    assert payload == getattr(theirs, "message")  # noqa: B009 - the class is made at run time
    has_flag = theirs.HasField("flag") and getattr(theirs, "flag") in list(Flag)  # noqa: B009
    assert flag == (getattr(theirs, "flag") if has_flag else None)  # noqa: B009
