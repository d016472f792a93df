"""Identities of this end that are not Ed25519: loaded, kept, and proved to a peer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import webrtc_direct
from webrtc_direct.encoding.protobuf import encode
from webrtc_direct.errors import IdentityError
from webrtc_direct.identity.identity import KeyPair, KeyType

pytestmark = pytest.mark.anyio

KEYS = json.loads((Path(__file__).parent.parent / "vectors" / "libp2p_keys.json").read_text())
ANY_PORT = "/ip4/127.0.0.1/udp/0/webrtc-direct"
DATA = b"what is signed"
KINDS = ["secp256k1", "P-256", "P-384", "P-521", "RSA 2048"]


def der(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def private_key(kind: KeyType, data: bytes) -> bytes:
    return encode([(1, kind), (2, data)])


def encoded_key(name: str) -> bytes:
    """A ``PrivateKey`` message."""
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    if name == "secp256k1":
        return bytes.fromhex(KEYS["secp256k1"]["private"])
    if name in curves:
        return private_key(KeyType.ECDSA, der(ec.generate_private_key(curves[name])))
    bits = int(name.removeprefix("RSA "))
    return private_key(KeyType.RSA, der(rsa.generate_private_key(65537, bits)))


@pytest.mark.parametrize("name", KINDS)
async def test_a_key_of_each_kind_signs_and_is_kept(name: str, tmp_path: Path) -> None:
    encoded = encoded_key(name)
    pair = KeyPair.from_protobuf(encoded)
    signature = await pair.sign(DATA)
    await pair.public_key.verify(signature, DATA)
    with pytest.raises(IdentityError):
        await pair.public_key.verify(signature, DATA + b"x")
    pair.save(tmp_path / "identity")
    assert (tmp_path / "identity").read_bytes() == encoded
    assert KeyPair.load(tmp_path / "identity") == pair
    assert pair.peer_id.multihash.startswith(b"\x00\x25" if name == "secp256k1" else b"\x12\x20")


@pytest.mark.parametrize("name", ["secp256k1", "P-256", "RSA 2048"])
@pytest.mark.parametrize("dials", [True, False], ids=["dialer", "listener"])
async def test_a_key_of_each_kind_is_proved_to_the_peer(name: str, dials: bool) -> None:
    pair, other = KeyPair.from_protobuf(encoded_key(name)), KeyPair.generate()
    dialer, listener = (pair, other) if dials else (other, pair)
    async with webrtc_direct.listen(ANY_PORT, identity=listener) as server:
        assert server.addresses[0].endswith(f"/p2p/{listener.peer_id}")
        async with webrtc_direct.dial(server.addresses[0], identity=dialer) as connection:
            assert connection.public_key == listener.public_key
            await webrtc_direct.ping(connection)
            assert [each.public_key for each in server.connections] == [dialer.public_key]


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        (private_key(KeyType.SECP256K1, bytes(31)), "31 bytes"),
        (private_key(KeyType.SECP256K1, bytes(32)), "not a secp256k1"),
        (private_key(KeyType.SECP256K1, b"\xff" * 32), "not a secp256k1"),
        (private_key(KeyType.ECDSA, b"nonsense"), "not a private key"),
        (private_key(KeyType.RSA, b""), "not a private key"),
        (private_key(KeyType.ECDSA, der(ec.generate_private_key(ec.SECP256K1()))), "on P-256"),
        (private_key(KeyType.RSA, der(ec.generate_private_key(ec.SECP256R1()))), "not an RSA"),
        (private_key(KeyType.RSA, der(rsa.generate_private_key(65537, 1024))), "1024 bits"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(encoded: bytes, problem: str) -> None:
    with pytest.raises(IdentityError, match=problem):
        KeyPair.from_protobuf(encoded)


async def test_secret_of_another_kind_is_not_shown() -> None:
    pair = KeyPair.from_protobuf(encoded_key("secp256k1"))
    secret = pair.to_protobuf()[4:]
    assert secret.hex() not in repr(pair)
    assert repr(secret) not in repr(pair)
