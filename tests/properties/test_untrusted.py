"""Arbitrary bytes into everything that a peer or a user feeds: the documented exceptions, and no others."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webrtc_direct import primitives
from webrtc_direct.address import multiaddr_binary
from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.address.names import parse_record_untrusted, parse_target
from webrtc_direct.encoding import multibase, protobuf
from webrtc_direct.errors import (
    AddressError,
    CertificateError,
    IdentityError,
    NoiseError,
    ProtocolNotSupported,
    RemoteProtocolError,
)
from webrtc_direct.handshake.noise import Action, NoiseHandshake, NoiseKeys
from webrtc_direct.handshake.roles import Role
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.identity.identity import KeyPair, KeyType, PeerId, PublicKey
from webrtc_direct.protocols.peer_record import open_record_untrusted
from webrtc_direct.streams.message import Flag, MessageDecoder
from webrtc_direct.streams.multistream import DialerNegotiation, ListenerNegotiation, encode
from webrtc_direct.streams.stream_state import StreamState

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

pieces = st.lists(st.binary(max_size=80), max_size=8)
components = st.sampled_from(
    "ip4 ip6 udp tcp webrtc-direct webrtc quic-v1 certhash p2p ipfs p2p-circuit dns4".split()
    + "127.0.0.1 ::1 0 4001 65536 uEiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw".split()
    + ["12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA", "", "u", "z1", "Qm"]
)


def finish(coroutine: Coroutine[object, object, T]) -> T:
    """Run what never suspends: the primitives answer at once on CPython."""
    result: list[T] = []

    async def run() -> None:
        result.append(await coroutine)

    with pytest.raises(StopIteration):
        run().send(None)
    return result[0]


@given(pieces)
def test_message_decoder(data: list[bytes]) -> None:
    decoder = MessageDecoder(1000)
    with suppress(RemoteProtocolError):
        for piece in data:
            for flag, payload in decoder.feed_untrusted(piece):
                assert flag is not None or payload
            assert decoder.buffered < 1000


@given(st.lists(st.tuples(st.sampled_from([None, *Flag]), st.booleans())))
def test_stream_state(frames: list[tuple[Flag | None, bool]]) -> None:
    state = StreamState()
    with suppress(RemoteProtocolError):
        for flag, has_payload in frames:
            state.receive_untrusted(flag, has_payload=has_payload)


names = st.sampled_from(["/multistream/1.0.0", "/echo/1.0.0", "na", "ls", "/other"]).map(encode)


@given(st.lists(st.binary(max_size=40) | names, max_size=8), st.booleans())
def test_negotiation(data: list[bytes], is_dialer: bool) -> None:
    side = (
        DialerNegotiation(["/echo/1.0.0", "/other"], max_name=64)
        if is_dialer
        else ListenerNegotiation({"/echo/1.0.0"}, max_name=64)
    )
    sent = received = 0
    with suppress(RemoteProtocolError, ProtocolNotSupported):
        for piece in data:
            received += len(piece)
            sent += len(side.receive_untrusted(piece))
            if side.agreed is not None:
                assert b"".join(data).find(side.rest) >= 0
                break
            # Whoever asks gets hardly more back than he sent.
            assert sent <= 2 * received + 20


@cache
def identity() -> KeyPair:
    return KeyPair.generate()


@cache
def keys() -> NoiseKeys:
    return finish(NoiseKeys.create(identity()))


@given(st.sampled_from(Role), st.integers(0, 1), pieces, st.binary(max_size=300), st.booleans())
def test_noise_handshake(role: Role, steps: int, data: list[bytes], message: bytes, framed: bool) -> None:
    ours = NoiseHandshake(role, prologue=b"", keys=keys(), max_message=400)
    other = Role.CLIENT if role is Role.SERVER else Role.SERVER
    theirs = NoiseHandshake(other, prologue=b"", keys=keys(), max_message=400)
    if ours.action is Action.WRITE:
        finish(theirs.receive_untrusted(finish(ours.next_message())))
    elif steps:
        finish(ours.receive_untrusted(finish(theirs.next_message())))
        finish(theirs.receive_untrusted(finish(ours.next_message())))
    if framed:
        data = [len(message).to_bytes(2, "big") + message, *data]
    with suppress(NoiseError):
        for piece in data:
            finish(ours.receive_untrusted(piece))
            if ours.action is Action.WRITE:
                finish(ours.next_message())
    # Nobody who does not hold a key has proved one.
    assert ours.remote_peer_id is None


@given(st.data())
def test_genuine_noise_message_with_changes(data: st.DataObject) -> None:
    client = NoiseHandshake(Role.CLIENT, prologue=b"", keys=keys())
    server = NoiseHandshake(Role.SERVER, prologue=b"", keys=keys())
    finish(client.receive_untrusted(finish(server.next_message())))
    genuine = finish(client.next_message())
    message = bytearray(genuine)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(message) - 1))
        message[position] ^= data.draw(st.integers(1, 255))
    try:
        finish(server.receive_untrusted(bytes(message)))
    except NoiseError:
        return
    # The changes took each other back, or only lengthened the message.
    assert bytes(message) == genuine or server.action is Action.READ


key_messages = st.builds(
    lambda kind, data: bytes((8, kind, 18, len(data))) + data,
    st.integers(0, 5),
    st.binary(max_size=100) | st.binary(min_size=32, max_size=33),
)


@given(st.binary(max_size=100) | key_messages, st.binary(max_size=80))
def test_public_keys_and_signatures(encoded: bytes, signature: bytes) -> None:
    with suppress(IdentityError):
        key = PublicKey.from_protobuf(encoded)
        assert PublicKey.from_protobuf(key.to_protobuf()) == key
        assert PeerId.from_string(str(key.peer_id)) == key.peer_id
        finish(key.verify(signature, b"data"))


@given(st.sampled_from([KeyType.RSA, KeyType.ECDSA]), st.integers(0, 90), st.integers(1, 255))
def test_changed_keys_in_der(kind: KeyType, position: int, change: int) -> None:
    der = bytearray.fromhex(
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4b"
        "c901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62"
    )
    der[position] ^= change
    with pytest.raises(IdentityError):
        finish(PublicKey(kind, bytes(der)).verify(b"", b""))


@given(st.binary(max_size=100) | key_messages)
def test_private_keys(encoded: bytes) -> None:
    with suppress(IdentityError):
        KeyPair.from_protobuf(encoded)


@given(st.binary(max_size=50))
def test_peer_ids(multihash: bytes) -> None:
    with suppress(IdentityError):
        assert PeerId.from_string(str(PeerId.from_bytes(multihash))).multihash == multihash


@given(st.text(max_size=80) | st.text("12D3KooWQmbafzk", max_size=60))
def test_texts_of_peer_ids(text: str) -> None:
    with suppress(IdentityError):
        PeerId.from_string(text)


@given(st.text(max_size=80) | st.from_regex(r"[mMuUfFbBcCz][ -~]*", fullmatch=True))
def test_multibase(text: str) -> None:
    with suppress(ValueError):
        multibase.decode(text)


@given(st.binary(max_size=60))
def test_multibase_gives_back_what_was_written(data: bytes) -> None:
    assert multibase.decode(multibase.encode_base64url(data)) == data


@given(
    st.text(max_size=200)
    | st.lists(components | st.text(max_size=20)).map(lambda parts: "/" + "/".join(parts))
)
def test_addresses(text: str) -> None:
    with suppress(AddressError):
        address = WebRtcDirectAddress.parse(text, any_peer=True)
        assert WebRtcDirectAddress.parse(str(address), any_peer=True) == address
        assert multiaddr_binary.describe_untrusted(multiaddr_binary.encode(address)) == str(address)
    with suppress(AddressError):
        assert str(WebRtcDirectAddress.parse_listen(text)).startswith("/ip")


def is_plain(ip: IPv4Address | IPv6Address) -> bool:
    """Whether *ip* is one machine's, and needs neither a zone nor another way to write it."""
    if ip.is_unspecified or ip.is_multicast or str(ip) == "255.255.255.255":
        return False
    return ip.version == 4 or not (ip.is_link_local or ip.ipv4_mapped)


@given(st.binary(max_size=200), st.binary(max_size=80), st.binary(max_size=80))
def test_peer_records(envelope: bytes, payload: bytes, signature: bytes) -> None:
    key = identity().public_key
    whole = protobuf.encode([(1, key.to_protobuf()), (2, b"\x03\x01"), (3, payload), (5, signature)])
    for each in (envelope, whole):
        with suppress(RemoteProtocolError):
            finish(open_record_untrusted(each, key))


@given(
    st.binary(max_size=200)
    | st.lists(components | st.sampled_from(["dnsaddr", "dns", "example.com"])).map("/".join).map(str.encode),
    st.booleans(),
    st.booleans(),
)
def test_records_of_names(data: bytes, has_peer: bool, any_peer: bool) -> None:
    wanted = identity().peer_id if has_peer else None
    target = parse_record_untrusted(b"dnsaddr=/" + data, wanted=wanted, any_peer=any_peer)
    if target is not None:
        assert parse_target(target, any_peer=any_peer) == target
        assert wanted is None or target.peer_id == wanted


@given(
    st.ip_addresses().filter(is_plain),
    st.integers(1, 65535),
    st.binary(min_size=32, max_size=32),
    st.booleans(),
)
def test_addresses_survive_as_text_and_as_bytes(ip: object, port: int, digest: bytes, has_peer: bool) -> None:
    family = "ip6" if ":" in str(ip) else "ip4"
    text = f"/{family}/{ip}/udp/{port}/webrtc-direct/certhash/{Fingerprint(digest).certhash}"
    if has_peer:
        text += f"/p2p/{identity().peer_id}"
    address = WebRtcDirectAddress.parse(text, any_peer=True)
    assert str(address) == text
    assert multiaddr_binary.describe_untrusted(multiaddr_binary.encode(address)) == text


codes = st.sampled_from(
    [b"\x04", b"\x29", b"\x06", b"\x91\x02", b"\x36", b"\x98\x02", b"\xd2\x03", b"\xa5\x03"]
)


@given(st.binary(max_size=60) | st.lists(codes | st.binary(max_size=40)).map(b"".join))
def test_binary_addresses(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        text = multiaddr_binary.describe_untrusted(data)
        assert text.isprintable()


# A serial number of 0 or less, which a changed byte can make of a good one, is a warning of cryptography's.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.binary(max_size=200), st.integers(0, 5000), st.integers(0, 255))
def test_certificate_files(junk: bytes, position: int, byte: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "certificate.pem"
        certificate().save(path)
        content = bytearray(path.read_bytes())
        content[position % len(content)] = byte
        for data in (junk, bytes(content)):
            path.write_bytes(data)
            with suppress(CertificateError):
                Certificate.load(path)


@cache
def certificate() -> Certificate:
    return Certificate.generate()


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_diffie_hellman(private: bytes, public: bytes) -> None:
    with suppress(primitives.BadInput):
        (secret,) = finish(primitives.x25519(public, finish(primitives.x25519_key(private))))
        assert len(secret) == 32
