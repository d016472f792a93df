"""Signed peer records: written as the RFCs have them, and taken from their signer alone."""

from __future__ import annotations

import pytest

from webrtc_direct.encoding import protobuf
from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.identity.identity import KeyPair
from webrtc_direct.protocols.peer_record import open_record_untrusted, sign_record

ADDRESSES = [bytes.fromhex("047f00000191020fa19802"), bytes.fromhex("04c000020791020fa19802")]

# go-libp2p 0.51, core/record: the key of the seed 00 01 .. 1f, sequence 300, and the two addresses below.
GO_KEY = bytes.fromhex(
    "08011240000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
)
GO_ADDRESSES = [bytes.fromhex("04c000020791020fa19802"), bytes.fromhex("04c0000207060fa1")]
GO_RECORD = bytes.fromhex(
    "0a240801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8120203011a460a260024080112"
    "2003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b810ac021a0d0a0b04c000020791020fa19802"
    "1a0a0a0804c0000207060fa12a40ac654a5ad052ec1d9e6ef117e97c5de14fc1466f1b92ee6f87bf911ee23af8f1b2f0cd090e"
    "94fabc2afe40a4344c24d1d1e77d5e3783fe373eec36fa1b6fbc05"
)


async def test_a_record_is_the_same_as_go_s_byte_for_byte() -> None:
    identity = KeyPair.from_protobuf(GO_KEY)
    assert await sign_record(identity, GO_ADDRESSES, sequence=300) == GO_RECORD
    assert await open_record_untrusted(GO_RECORD, identity.public_key) == GO_ADDRESSES


async def test_a_record_is_written_as_the_rfcs_have_it() -> None:
    identity = KeyPair.generate()
    fields = dict(protobuf.fields_untrusted(await sign_record(identity, ADDRESSES[:1], sequence=300)))
    peer_id = identity.peer_id.multihash
    # RFC 0003: peer_id = 1, seq = 2, addresses = 3 with multiaddr = 1.
    payload = b"\x0a" + bytes([len(peer_id)]) + peer_id + b"\x10\xac\x02\x1a\x0d\x0a\x0b" + ADDRESSES[0]
    assert fields[1] == identity.public_key.to_protobuf()
    assert (fields[2], fields[3]) == (b"\x03\x01", payload)
    signature = fields[5]
    assert isinstance(signature, bytes)
    # RFC 0002: domain, type and payload, each with its length before it.
    signed = b"\x12libp2p-peer-record" + b"\x02\x03\x01" + bytes([len(payload)]) + payload
    await identity.public_key.verify(signature, signed)


async def test_what_was_signed_is_read_again() -> None:
    identity = KeyPair.generate()
    record = await sign_record(identity, ADDRESSES, sequence=1)
    assert await open_record_untrusted(record, identity.public_key) == ADDRESSES


async def test_what_the_peer_did_not_sign_is_no_record() -> None:
    identity, other = KeyPair.generate(), KeyPair.generate()
    record = await sign_record(identity, ADDRESSES, sequence=1)
    theirs = await sign_record(other, ADDRESSES, sequence=1)
    with pytest.raises(RemoteProtocolError, match="another peer"):
        await open_record_untrusted(theirs, identity.public_key)
    fields = dict(protobuf.fields_untrusted(record))
    changes: list[dict[int, int | bytes]] = [
        {2: b"\x03\x02"},
        {3: b""},
        {3: dict(protobuf.fields_untrusted(theirs))[3]},
        {5: b""},
        {5: bytes(64)},
        {5: dict(protobuf.fields_untrusted(theirs))[5]},
        {1: b"\x08\x01"},
    ]
    for change in changes:
        changed = protobuf.encode(sorted({**fields, **change}.items()))
        with pytest.raises(RemoteProtocolError):
            await open_record_untrusted(changed, identity.public_key)
    for end in range(len(record)):
        with pytest.raises(RemoteProtocolError):
            await open_record_untrusted(record[:end], identity.public_key)
