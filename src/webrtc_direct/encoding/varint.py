"""Varints: numbers in seven bits a byte, the lowest first; of multiaddrs, framing and protobuf alike.

Only the shortest form of a number is taken, as multiformats' unsigned-varint has it.
"""

from __future__ import annotations

from webrtc_direct.errors import RemoteProtocolError

_MORE = 0x80
_TWO_BYTES = 1 << 14
# 64 bits, seven in a byte.
_MAX_BYTES = 10


def encode(value: int) -> bytes:
    """Return the varint of a number that is not negative."""
    # What nearly all numbers are, and framing writes two of them for each frame.
    if value < _MORE:
        return bytes((value,))
    if value < _TWO_BYTES:
        return bytes((value & 0x7F | _MORE, value >> 7))
    encoded = bytearray()
    while value >= _MORE:
        encoded.append(value & 0x7F | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_untrusted(data: bytes | bytearray, start: int, end: int) -> tuple[int, int] | None:
    """Return the number at *start*, which is below *end*, and the position behind it.

    It is ``None`` where the number goes on beyond *end*.

    Raises:
        RemoteProtocolError: the number has more bytes than it needs, or more than 64 bits.
    """
    value = data[start]
    if value < _MORE:
        return value, start + 1
    value &= 0x7F
    for count in range(1, min(_MAX_BYTES, end - start)):
        byte = data[start + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < _MORE:
            if byte == 0 or value >> 64:
                raise RemoteProtocolError("a varint that is longer than it needs to be, or too large")
            return value, start + count + 1
    if end - start >= _MAX_BYTES:
        raise RemoteProtocolError("a varint of more than 10 bytes")
    return None
