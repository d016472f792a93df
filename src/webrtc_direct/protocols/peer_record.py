"""Signed peer records: where a peer listens, in its own words, as somebody else may pass them on.

libp2p's RFC 0002 has the envelope, RFC 0003 the record. go-libp2p and js-libp2p write what is written here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.encoding import protobuf, varint
from webrtc_direct.errors import IdentityError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webrtc_direct.identity.identity import KeyPair, PublicKey

_DOMAIN = b"libp2p-peer-record"
# The multicodec libp2p-peer-record.
_PAYLOAD_TYPE = b"\x03\x01"

_PUBLIC_KEY, _TYPE, _PAYLOAD, _SIGNATURE = 1, 2, 3, 5
_PEER_ID, _SEQUENCE, _ADDRESS_INFO = 1, 2, 3
_MULTIADDR = 1


async def sign_record(identity: KeyPair, addresses: Iterable[bytes], *, sequence: int) -> bytes:
    """Return the envelope of a record of *addresses*; of two, the one with the higher *sequence* counts."""
    payload = protobuf.encode(
        [
            (_PEER_ID, identity.peer_id.multihash),
            (_SEQUENCE, sequence),
            *((_ADDRESS_INFO, protobuf.encode([(_MULTIADDR, address)])) for address in addresses),
        ]
    )
    return protobuf.encode(
        [
            (_PUBLIC_KEY, identity.public_key.to_protobuf()),
            (_TYPE, _PAYLOAD_TYPE),
            (_PAYLOAD, payload),
            (_SIGNATURE, await identity.sign(_signed(payload))),
        ]
    )


async def open_record_untrusted(envelope: bytes, public_key: PublicKey) -> list[bytes]:
    """Return the addresses in a record that the holder of *public_key* has signed.

    Raises:
        RemoteProtocolError: it is none.
    """
    fields = _bytes_untrusted(envelope)
    payload = fields.get(_PAYLOAD, b"")
    if fields.get(_PUBLIC_KEY) != public_key.to_protobuf() or fields.get(_TYPE) != _PAYLOAD_TYPE:
        raise RemoteProtocolError("the record is of another peer, or of another kind")
    try:
        await public_key.verify(fields.get(_SIGNATURE, b""), _signed(payload))
    except IdentityError as error:
        raise RemoteProtocolError(f"the record is not signed by the peer: {error.problem}") from error
    if _bytes_untrusted(payload).get(_PEER_ID) != public_key.peer_id.multihash:
        raise RemoteProtocolError("the record names another peer than the one that has signed it")
    infos = [value for number, value in protobuf.fields_untrusted(payload) if number == _ADDRESS_INFO]
    return [_bytes_untrusted(info).get(_MULTIADDR, b"") for info in infos if isinstance(info, bytes)]


def _bytes_untrusted(message: bytes) -> dict[int, bytes]:
    """Return the last field of each number whose values are bytes."""
    return {number: value for number, value in protobuf.fields_untrusted(message) if isinstance(value, bytes)}


def _signed(payload: bytes) -> bytes:
    parts = (_DOMAIN, _PAYLOAD_TYPE, payload)
    return b"".join(varint.encode(len(part)) + part for part in parts)
