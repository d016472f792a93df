"""Framing of streams: ``Message`` frames as one byte stream per data channel.

libp2p specs, webrtc/README.md, "Multiplexing"::

    frame = varint length, Message            message Message {
                                                optional Flag flag = 1;
                                                optional bytes message = 2; }

Nothing ties frames to SCTP messages: a frame may be split anywhere, and several may share
one. This is the hot path, so the usual frames have their own short way through it; the
general way is strict where a peer's mistake could mean something else to another reader.
"""

from __future__ import annotations

from enum import IntEnum

from webrtc_direct.encoding.protobuf import check_tag_untrusted, number_untrusted, skip_untrusted
from webrtc_direct.encoding.varint import encode as varint
from webrtc_direct.encoding.varint import read_untrusted as read_varint_untrusted
from webrtc_direct.errors import RemoteProtocolError

MAX_FRAME = 16384
"""Largest frame that is sent. Spec "Multiplexing": the 16 KiB include the length prefix."""
MAX_PAYLOAD = 16377
"""Largest payload that is sent; rust-libp2p takes no more than this."""
MAX_JOINED_FRAME = 4096
"""A larger frame travels as two SCTP messages, prefix and body: go-libp2p cannot take it as one."""


class Flag(IntEnum):
    """What a frame says about its stream, beside its payload."""

    FIN = 0
    """The sender has nothing more to send."""
    STOP_SENDING = 1
    """The sender throws away what it receives from now on."""
    RESET_STREAM = 2
    """The sender has given the stream up."""
    FIN_ACK = 3
    """The sender has received FIN and all before it."""


Frame = tuple[Flag | None, bytes]
"""Flag and payload of one frame. The payload is no view: it keeps nothing else alive."""

# Tags: field number and wire type.
_FLAG_FIELD = 0x08
_PAYLOAD_FIELD = 0x12
_LAST_KNOWN_FIELD = 2
# A message of more bytes holds a payload whose length takes two bytes, or something unusual.
_LARGE = 130
_FLAGS: dict[int, Flag] = {flag.value: flag for flag in Flag}
_FLAG_FRAMES = {flag: bytes((2, _FLAG_FIELD, flag)) for flag in Flag}


def encode_flag(flag: Flag) -> bytes:
    """Return the SCTP message for a frame that holds *flag* and no payload."""
    return _FLAG_FRAMES[flag]


def encode_data(data: bytes | bytearray | memoryview) -> list[bytes]:
    """Return the SCTP messages, in order, for frames that hold *data*."""
    size = len(data)
    messages: list[bytes] = []
    view = memoryview(data)
    for start in range(0, size - MAX_PAYLOAD + 1, MAX_PAYLOAD):
        messages.append(_FULL_PREFIX)
        messages.append(b"".join((_FULL_HEADER, view[start : start + MAX_PAYLOAD])))
    rest = size % MAX_PAYLOAD
    if rest:
        header = bytes((_PAYLOAD_FIELD,)) + varint(rest)
        prefix = varint(len(header) + rest)
        payload = view[size - rest :]
        if len(prefix) + len(header) + rest <= MAX_JOINED_FRAME:
            messages.append(b"".join((prefix, header, payload)))
        else:
            messages.append(prefix)
            messages.append(b"".join((header, payload)))
    return messages


_FULL_HEADER = bytes((_PAYLOAD_FIELD,)) + varint(MAX_PAYLOAD)
_FULL_PREFIX = varint(len(_FULL_HEADER) + MAX_PAYLOAD)


def payload_room(credit: int) -> int:
    """Return how much payload fits into *credit* bytes of frames: whole frames, or else a part of one."""
    frames, rest = divmod(credit, MAX_FRAME)
    return frames * MAX_PAYLOAD if frames else max(1, rest - (MAX_FRAME - MAX_PAYLOAD))


class MessageDecoder:
    """Takes the bytes of one data channel, however they were cut, and gives out frames.

    *max_frame* bounds a frame with its length prefix. After an error the decoder must not
    be used any more.
    """

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        # The start of a frame whose end has not come yet. The body begins only once the prefix is whole.
        self._prefix = b""
        self._length: int | None = None
        self._body = bytearray()

    @property
    def buffered(self) -> int:
        """How many bytes of an incomplete frame are held."""
        return len(self._prefix) + len(self._body)

    def feed_untrusted(self, data: bytes) -> list[Frame]:
        """Return the frames that *data* completes, in order. Frames that say nothing are left out.

        Raises:
            RemoteProtocolError: a frame is too large or not well-formed.
        """
        frames: list[Frame] = []
        start = self._resume_untrusted(data, frames) if self._prefix else 0
        end = len(data)
        while start < end:
            # A prefix of two bytes is what bulk data has; the general way costs twice the time.
            length, body = data[start], start + 2
            if length >= 0x80 and body < end and 0 < data[start + 1] < 0x80:
                length += (data[start + 1] << 7) - 0x80
            else:
                prefix = read_varint_untrusted(data, start, end)
                if prefix is None:
                    self._prefix = data[start:]
                    break
                length, body = prefix
            stop = body + length
            if stop - start > self._max_frame:
                raise _too_large(stop - start, self._max_frame)
            if stop > end:
                self._prefix, self._length = data[start:body], length
                self._body += memoryview(data)[body:]
                break
            frame = _parse_untrusted(data, body, stop)
            if frame is not None:
                frames.append(frame)
            start = stop
        return frames

    def _resume_untrusted(self, data: bytes, frames: list[Frame]) -> int:
        """Go on with the frame that is held; return how much of *data* belongs to it."""
        used = 0
        while self._length is None:
            if used == len(data):
                return used
            self._prefix += data[used : used + 1]
            used += 1
            prefix = read_varint_untrusted(self._prefix, 0, len(self._prefix))
            if prefix is not None:
                self._length = prefix[0]
                size = self._length + len(self._prefix)
                if size > self._max_frame:
                    raise _too_large(size, self._max_frame)
        stop = used + self._length - len(self._body)
        if stop > len(data):
            self._body += memoryview(data)[used:]
            return len(data)
        if self._body:
            self._body += memoryview(data)[used:stop]
            frame = _parse_untrusted(bytes(self._body), 0, len(self._body))
            self._body = bytearray()
        else:
            frame = _parse_untrusted(data, used, stop)
        self._prefix, self._length = b"", None
        if frame is not None:
            frames.append(frame)
        return stop


def _too_large(size: int, limit: int) -> RemoteProtocolError:
    return RemoteProtocolError(f"a frame of {size} bytes; {limit} are accepted", limit="max_received_frame")


def _parse_untrusted(data: bytes, position: int, stop: int) -> Frame | None:
    """Read the message from *position* to *stop*; ``None`` if it says nothing."""
    if stop - position > _LARGE and data[position] == _PAYLOAD_FIELD:
        # A large payload and nothing else: again the general way would find the same, but slower.
        payload_size = data[position + 1] + (data[position + 2] << 7) - 0x80
        if position + 3 + payload_size == stop and 0 < data[position + 2] < 0x80 <= data[position + 1]:
            return None, data[position + 3 : stop]
    flag: Flag | None = None
    payload: bytes | None = None
    has_flag = False
    while position < stop:
        tag, position = number_untrusted(data, position, stop)
        if tag == _PAYLOAD_FIELD and payload is None:
            size, position = number_untrusted(data, position, stop)
            payload = data[position : position + size]
            position += size
        elif tag == _FLAG_FIELD and not has_flag:
            value, position = number_untrusted(data, position, stop)
            # An unknown flag must not break the stream of a peer that knows more.
            flag, has_flag = _FLAGS.get(value), True
        elif tag >> 3 <= _LAST_KNOWN_FIELD:
            raise RemoteProtocolError("a message with a known field repeated, of another type, or numbered 0")
        else:
            # go-libp2p sends an error code as field 3.
            check_tag_untrusted(tag)
            position = skip_untrusted(data, position, stop, tag & 7)
    if position > stop:
        raise RemoteProtocolError("a message that is cut off")
    return (flag, payload or b"") if payload or flag is not None else None
