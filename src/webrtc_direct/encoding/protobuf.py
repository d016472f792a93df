"""The wire format of protobuf messages: fields in, fields out.

It knows no message: who reads one says what its fields mean, and takes the last one of a
number that may stand there once. Protobuf's own library means the same by what is accepted
here, and accepts more: groups, which proto2 has given up and no libp2p message has, and
varints that are longer than they need to be.

Nothing here copies more than it was given, and the caller bounds that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.encoding import varint
from webrtc_direct.errors import RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

Field = tuple[int, int | bytes]
"""Number and value of a field: a number as it was written, or bytes."""

# Wire types.
_VARINT, _BYTES = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}
# Of a field number and its wire type together.
_TAG_BITS = 32


def encode(fields: Iterable[Field]) -> bytes:
    """Return the message with *fields*, in their order."""
    parts: list[bytes] = []
    for number, value in fields:
        if isinstance(value, int):
            parts += (varint.encode(number << 3 | _VARINT), varint.encode(value))
        else:
            parts += (varint.encode(number << 3 | _BYTES), varint.encode(len(value)), value)
    return b"".join(parts)


def fields_untrusted(message: bytes) -> list[Field]:
    """Return the fields of *message* that are numbers or bytes, in their order.

    Raises:
        RemoteProtocolError: it is no message, or has a group.
    """
    fields: list[Field] = []
    position, stop = 0, len(message)
    while position < stop:
        tag, position = number_untrusted(message, position, stop)
        check_tag_untrusted(tag)
        if tag & 7 == _VARINT:
            value, position = number_untrusted(message, position, stop)
            fields.append((tag >> 3, value))
        elif tag & 7 == _BYTES:
            size, position = number_untrusted(message, position, stop)
            fields.append((tag >> 3, message[position : position + size]))
            position += size
        else:
            position = skip_untrusted(message, position, stop, tag & 7)
    if position > stop:
        raise RemoteProtocolError("a message that is cut off")
    return fields


def check_tag_untrusted(tag: int) -> None:
    """Raise RemoteProtocolError where no field can have *tag*."""
    if not tag >> 3 or tag >> _TAG_BITS:
        raise RemoteProtocolError("a message with a field numbered 0, or of more than 29 bits")


def number_untrusted(message: bytes, position: int, stop: int) -> tuple[int, int]:
    """Return the number at *position*, and the position behind it. Raises RemoteProtocolError."""
    if position < stop:
        number = varint.read_untrusted(message, position, stop)
        if number is not None:
            return number
    raise RemoteProtocolError("a message that is cut off")


def skip_untrusted(message: bytes, position: int, stop: int, wire_type: int) -> int:
    """Return the position behind a field, which may be beyond *stop*. Raises RemoteProtocolError."""
    if wire_type == _VARINT:
        return number_untrusted(message, position, stop)[1]
    if wire_type == _BYTES:
        size, position = number_untrusted(message, position, stop)
        return position + size
    if wire_type in _FIXED_SIZES:
        return position + _FIXED_SIZES[wire_type]
    raise RemoteProtocolError(f"a message with a field of wire type {wire_type}")
