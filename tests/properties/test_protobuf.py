"""The three messages against protobuf's own library: the same reading, the same bytes, and one error each."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from webrtc_direct.encoding import protobuf, varint
from webrtc_direct.errors import IdentityError, NoiseError, RemoteProtocolError
from webrtc_direct.handshake.noise import NoiseKeys, parse_payload_untrusted
from webrtc_direct.identity.identity import KeyPair, KeyType, PublicKey
from webrtc_direct.protocols.identify import parse_answer_untrusted

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

pytestmark = pytest.mark.anyio

# Texts are bytes to the library here: proto2 does not say what it makes of a text that is not UTF-8.
DESCRIPTION = {
    "Key": "required KeyType Type, required bytes Data",
    "Payload": "optional bytes identity_key, optional bytes identity_sig",
    "Identify": "optional bytes publicKey, repeated bytes listenAddrs, repeated bytes protocols, "
    "optional bytes observedAddr, optional bytes protocolVersion, optional bytes agentVersion",
}


@cache
def library(name: str) -> Callable[[], Any]:
    """Return the class that protobuf's library makes of the message *name*."""
    file = descriptor_pb2.FileDescriptorProto(name="messages.proto", package="test", syntax="proto2")
    enum = file.enum_type.add(name="KeyType")
    for number, kind in enumerate(("RSA", "Ed25519", "Secp256k1", "ECDSA")):
        enum.value.add(name=kind, number=number)
    for message_name, description in DESCRIPTION.items():
        message = file.message_type.add(name=message_name)
        for number, words in enumerate(description.split(", "), 1):
            _add_field(message.field.add(number=number), *words.split())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}"))
    return found


def _add_field(field: FieldDescriptorProto, label: str, kind: str, name: str) -> None:
    field.name = name
    field.label = getattr(field, f"LABEL_{label.upper()}")
    if kind == "bytes":
        field.type = field.TYPE_BYTES
    else:
        field.type, field.type_name = field.TYPE_ENUM, f".test.{kind}"


numbers = st.integers(0, 5) | st.integers(0, 2**64 - 1)
field_numbers = st.integers(1, 9)


def _field(wire_type: int, values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda number, value: varint.encode(number << 3 | wire_type) + value, field_numbers, values
    )


pieces = st.one_of(
    _field(0, numbers.map(varint.encode)),
    _field(1, st.binary(min_size=8, max_size=8)),
    _field(2, st.binary(max_size=40).map(lambda data: varint.encode(len(data)) + data)),
    _field(5, st.binary(min_size=4, max_size=4)),
)
tags = st.integers(0, 7).flatmap(lambda wire_type: _field(wire_type, st.just(b"")))
well_formed = st.lists(pieces, max_size=8).map(b"".join)
encodings = st.one_of(
    well_formed,
    st.binary(max_size=60),
    st.lists(pieces | tags | st.binary(max_size=6), max_size=6).map(b"".join),
)


def parsed(name: str, encoded: bytes) -> Any:
    """Return what the library reads, or ``None`` where it refuses."""
    message = library(name)()
    try:
        message.ParseFromString(encoded)
    except DecodeError:
        return None
    return message if message.IsInitialized() else None


def key_of(encoded: bytes) -> tuple[KeyType, bytes] | None:
    try:
        key = PublicKey.from_protobuf(encoded)
    except IdentityError:
        return None
    return key.type, key.data


@given(st.sampled_from([KeyType.RSA, KeyType.ECDSA]), st.binary(max_size=2000), encodings)
def test_a_key_is_what_the_library_reads(kind: KeyType, data: bytes, more: bytes) -> None:
    encoded = PublicKey(kind, data).to_protobuf() + more[:40]
    key, theirs = key_of(encoded), parsed("Key", encoded)
    if key is not None:
        assert theirs is not None
        assert key == (theirs.Type, theirs.Data)


@given(encodings)
def test_a_message_that_is_accepted_is_what_the_library_reads(encoded: bytes) -> None:
    key = key_of(encoded)
    if key is not None:
        theirs = parsed("Key", encoded)
        assert theirs is not None
        assert key == (theirs.Type, theirs.Data)
    with suppress(NoiseError):
        payload, theirs = parse_payload_untrusted(encoded), parsed("Payload", encoded)
        assert theirs is not None
        assert payload == (theirs.identity_key, theirs.identity_sig)
    with suppress(RemoteProtocolError):
        assert_same_identify([encoded])


def assert_same_identify(messages: list[bytes]) -> None:
    ours = parse_answer_untrusted(b"".join(varint.encode(len(message)) + message for message in messages))
    theirs = library("Identify")()
    for message in messages:
        theirs.MergeFromString(message)
    assert ours.public_key == theirs.publicKey
    assert ours.listen_addresses == list(theirs.listenAddrs)
    assert ours.protocols == [name.decode(errors="replace") for name in theirs.protocols]
    assert ours.observed_address == theirs.observedAddr
    assert ours.protocol_version == theirs.protocolVersion.decode(errors="replace")
    assert ours.agent == theirs.agentVersion.decode(errors="replace")


@given(st.lists(well_formed, min_size=1, max_size=3))
def test_nothing_well_formed_is_refused(messages: list[bytes]) -> None:
    assert_same_identify(messages)
    payload, theirs = parse_payload_untrusted(messages[0]), parsed("Payload", messages[0])
    assert payload == (theirs.identity_key, theirs.identity_sig)
    theirs = parsed("Key", messages[0])
    if theirs is not None and theirs.Type in (KeyType.RSA, KeyType.ECDSA):
        assert key_of(messages[0]) == (theirs.Type, theirs.Data)
    elif theirs is None:
        assert key_of(messages[0]) is None


@given(st.sampled_from(KeyType), st.binary(max_size=300))
def test_keys_are_written_as_the_library_does(kind: KeyType, data: bytes) -> None:
    theirs = library("Key")()
    theirs.Type, theirs.Data = kind, data
    assert PublicKey(kind, data).to_protobuf() == theirs.SerializeToString(deterministic=True)


async def test_the_noise_payload_is_written_as_the_library_does() -> None:
    encoded = (await NoiseKeys.create(KeyPair.generate())).payload
    theirs = parsed("Payload", encoded)
    assert theirs.SerializeToString(deterministic=True) == encoded
    assert parse_payload_untrusted(encoded) == (theirs.identity_key, theirs.identity_sig)


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), numbers | st.binary(max_size=300)), max_size=8))
def test_fields_that_are_written_are_read(fields: list[tuple[int, int | bytes]]) -> None:
    encoded = protobuf.encode(fields)
    assert protobuf.fields_untrusted(encoded) == fields
    assert parsed("Payload", encoded) is not None


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("0b0c", "wire type 3"),  # a group, which the library skips
        ("0c", "wire type 4"),
        ("0e", "wire type 6"),
        ("0a05aa", "cut off"),
        ("0a", "cut off"),
        ("0d000000", "cut off"),
        ("09" + "00" * 7, "cut off"),
        ("0a" + "ff" * 9 + "01", "cut off"),
        ("088100", "longer than it needs"),
        ("08" + "ff" * 9 + "02", "too large"),
        ("08" + "ff" * 10, "more than 10 bytes"),
        ("0001", "numbered 0"),
        ("80808080" + "1001", "29 bits"),
    ],
)
def test_what_is_no_message_is_refused(encoded: str, problem: str) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        protobuf.fields_untrusted(bytes.fromhex(encoded))


@given(encodings)
def test_arbitrary_bytes_end_in_the_documented_error(encoded: bytes) -> None:
    with suppress(RemoteProtocolError):
        fields = protobuf.fields_untrusted(encoded)
        assert protobuf.fields_untrusted(protobuf.encode(fields)) == fields
    with suppress(NoiseError):
        parse_payload_untrusted(encoded)
    with suppress(RemoteProtocolError):
        parse_answer_untrusted(encoded)
    for read in (PublicKey.from_protobuf, KeyPair.from_protobuf):
        with suppress(IdentityError):
            read(encoded)
    if encoded:
        with suppress(RemoteProtocolError):
            protobuf.number_untrusted(encoded, 0, len(encoded))


@pytest.mark.parametrize(
    ("encoded", "size"),
    [("080108021200", 0), ("080208051200", 0), ("08021201aa08000802", 1), ("08021201aa1200", 0)],
)
def test_the_last_known_value_of_a_field_counts(encoded: str, size: int) -> None:
    with pytest.raises(IdentityError, match=f"secp256k1 public key of {size} bytes"):
        PublicKey.from_protobuf(bytes.fromhex(encoded))


def test_texts_that_are_not_utf_8_are_texts_all_the_same() -> None:
    message = protobuf.encode([(6, b"caf\xe9/1.0"), (3, b"/\xff/1"), (5, b"\xed\xa0\x80")])
    answer = parse_answer_untrusted(varint.encode(len(message)) + message)
    assert (answer.agent, answer.protocols) == (
        "caf\N{REPLACEMENT CHARACTER}/1.0",
        ["/\N{REPLACEMENT CHARACTER}/1"],
    )
    assert set(answer.protocol_version) == {"\N{REPLACEMENT CHARACTER}"}


def test_a_later_message_of_an_answer_replaces_texts_and_adds_to_lists() -> None:
    first = protobuf.encode([(1, b"a"), (3, b"/one"), (6, b"first"), (5, b"v")])
    second = protobuf.encode([(3, b"/two"), (6, b"second")])
    answer = parse_answer_untrusted(bytes([len(first)]) + first + bytes([len(second)]) + second)
    assert (answer.protocols, answer.agent) == (["/one", "/two"], "second")
    assert (answer.public_key, answer.protocol_version) == (b"a", "v")
