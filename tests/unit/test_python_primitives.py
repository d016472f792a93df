"""The primitives in Python, which browsers use for what WebCrypto lacks, against ``cryptography``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from webrtc_direct.primitives import BadInput, chacha20_poly1305, curve25519, signatures

DATA = b"noise-libp2p-static-key:" + bytes(range(32))
CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
RSA_8192 = Path(__file__).parent.parent / "vectors" / "rsa_8192.json"

secret = st.binary(min_size=32, max_size=32)


def spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def point(key: ec.EllipticCurvePublicKey, *, compressed: bool = False) -> bytes:
    form = serialization.PublicFormat
    return key.public_bytes(
        serialization.Encoding.X962, form.CompressedPoint if compressed else form.UncompressedPoint
    )


@settings(max_examples=40)
@given(secret, secret)
def test_x25519_is_that_of_openssl(private: bytes, other: bytes) -> None:
    expected = X25519PrivateKey.from_private_bytes(private)
    public = X25519PrivateKey.from_private_bytes(other).public_key().public_bytes_raw()
    assert curve25519.x25519(private, curve25519.BASE_POINT) == expected.public_key().public_bytes_raw()
    shared = expected.exchange(X25519PublicKey.from_public_bytes(public))
    assert curve25519.x25519(private, public) == shared


@settings(max_examples=40)
@given(secret, secret)
def test_x25519_with_any_bytes_as_a_public_key(private: bytes, public: bytes) -> None:
    try:
        expected = X25519PrivateKey.from_private_bytes(private).exchange(
            X25519PublicKey.from_public_bytes(public)
        )
    except ValueError:
        expected = bytes(32)
    assert curve25519.x25519(private, public) == expected


@pytest.mark.parametrize("public", [bytes(32), bytes([1]) + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_x25519_with_a_point_of_low_order_is_zero(public: bytes) -> None:
    assert curve25519.x25519(b"k" * 32, public) == bytes(32)


@settings(max_examples=25)
@given(secret, st.binary(max_size=200))
def test_ed25519_signs_as_openssl_does(seed: bytes, data: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    assert curve25519.ed25519_public_key(seed) == public
    signature = curve25519.ed25519_sign(seed, data)
    assert signature == key.sign(data)
    assert curve25519.ed25519_is_valid(public, signature, data)
    assert not curve25519.ed25519_is_valid(public, signature, data + b"x")


@settings(max_examples=60)
@given(secret, st.integers(0, 511), st.integers(0, 255))
def test_a_changed_ed25519_signature_or_key_is_judged_as_openssl_does(
    seed: bytes, bit: int, key_bit: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    changed = flipped(key.sign(DATA), bit)
    public = key.public_key().public_bytes_raw()
    assert not curve25519.ed25519_is_valid(public, changed, DATA)
    other = flipped(public, key_bit)
    try:
        Ed25519PublicKey.from_public_bytes(other).verify(key.sign(DATA), DATA)
        expected = True
    except (InvalidSignature, ValueError):
        expected = False
    assert curve25519.ed25519_is_valid(other, key.sign(DATA), DATA) == expected


def test_an_ed25519_signature_with_s_beyond_the_order_is_not_valid() -> None:
    seed = bytes(32)
    signature = curve25519.ed25519_sign(seed, DATA)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little") + order
    malleable = signature[:32] + s.to_bytes(32, "little")
    assert not curve25519.ed25519_is_valid(curve25519.ed25519_public_key(seed), malleable, DATA)


@given(
    secret,
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=300),
    st.binary(max_size=80),
    st.integers(min_value=0),
)
def test_chacha20_poly1305_is_that_of_openssl(
    key: bytes, nonce: bytes, plaintext: bytes, data: bytes, bit: int
) -> None:
    expected = ChaCha20Poly1305(key).encrypt(nonce, plaintext, data)
    assert chacha20_poly1305.encrypt(key, nonce, plaintext, data) == expected
    assert chacha20_poly1305.decrypt(key, nonce, expected, data) == plaintext
    changed = flipped(expected, bit % (8 * len(expected)))
    assert chacha20_poly1305.decrypt(key, nonce, changed, data) is None
    assert chacha20_poly1305.decrypt(key, nonce, expected, data + b"x") is None
    assert chacha20_poly1305.decrypt(key, nonce, expected[:15], data) is None
    with pytest.raises(InvalidTag):
        ChaCha20Poly1305(key).decrypt(nonce, changed, data)


@pytest.mark.parametrize("name", CURVES)
def test_ecdsa_signatures(name: str) -> None:
    key = ec.generate_private_key(CURVES[name])
    signature = key.sign(DATA, ec.ECDSA(hashes.SHA256()))
    signatures.verify_ecdsa_spki(spki(key.public_key()), signature, DATA)
    with pytest.raises(BadInput, match="invalid ECDSA signature"):
        signatures.verify_ecdsa_spki(spki(key.public_key()), signature, DATA + b"x")
    other = ec.generate_private_key(CURVES[name]).public_key()
    with pytest.raises(BadInput, match="invalid ECDSA signature"):
        signatures.verify_ecdsa_spki(spki(other), signature, DATA)


@pytest.mark.parametrize("compressed", [False, True])
def test_secp256k1_signatures(compressed: bool) -> None:
    for _ in range(4):
        key = ec.generate_private_key(ec.SECP256K1())
        signature = key.sign(DATA, ec.ECDSA(hashes.SHA256()))
        public = point(key.public_key(), compressed=compressed)
        signatures.verify_ecdsa(signatures.SECP256K1, public, signature, DATA)
        with pytest.raises(BadInput):
            signatures.verify_ecdsa(signatures.SECP256K1, public, signature, b"")


ORDER = signatures.SECP256K1.n


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER)])
def test_ecdsa_numbers_outside_of_the_order_are_not_valid(r: int, s: int) -> None:
    public = point(ec.generate_private_key(ec.SECP256K1()).public_key())
    with pytest.raises(BadInput, match="invalid ECDSA signature"):
        signatures.verify_ecdsa(signatures.SECP256K1, public, encode_dss_signature(r, s), DATA)


def test_a_point_beside_the_curve_is_no_key() -> None:
    public = bytearray(point(ec.generate_private_key(ec.SECP256K1()).public_key()))
    public[-1] ^= 1
    with pytest.raises(BadInput, match="not a point"):
        signatures.verify_ecdsa(signatures.SECP256K1, bytes(public), b"", DATA)


@pytest.mark.parametrize("bits", [2048, 3072])
def test_rsa_signatures(bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    signature = key.sign(DATA, padding.PKCS1v15(), hashes.SHA256())
    signatures.verify_rsa_spki(spki(key.public_key()), signature, DATA)
    for broken in (flipped(signature, 9), signature[:-1], b"\x00" + signature, b""):
        with pytest.raises(BadInput, match="invalid RSA signature"):
            signatures.verify_rsa_spki(spki(key.public_key()), broken, DATA)
    with pytest.raises(BadInput, match="invalid RSA signature"):
        signatures.verify_rsa_spki(spki(key.public_key()), signature, DATA + b"x")


def test_rsa_keys_of_other_sizes_are_refused() -> None:
    key = rsa.generate_private_key(65537, 1024)
    signature = key.sign(DATA, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(BadInput, match="RSA key of 1024 bits"):
        signatures.verify_rsa_spki(spki(key.public_key()), signature, DATA)


def test_an_rsa_key_with_an_expensive_exponent_is_refused() -> None:
    n = rsa.generate_private_key(65537, 2048).public_key().public_numbers().n
    key = rsa.RSAPublicNumbers(2**100 + 1, n).public_key()
    with pytest.raises(BadInput, match="not a public key"):
        signatures.verify_rsa_spki(spki(key), bytes(256), DATA)


def test_a_key_of_one_kind_is_none_of_another() -> None:
    elliptic = spki(ec.generate_private_key(ec.SECP256R1()).public_key())
    with pytest.raises(BadInput, match="not an RSA key"):
        signatures.verify_rsa_spki(elliptic, b"", DATA)
    with pytest.raises(BadInput, match="not an ECDSA key"):
        signatures.verify_ecdsa_spki(spki(rsa.generate_private_key(65537, 2048).public_key()), b"", DATA)
    with pytest.raises(BadInput, match="not an ECDSA key"):
        signatures.verify_ecdsa_spki(spki(ec.generate_private_key(ec.SECP256K1()).public_key()), b"", DATA)


def test_the_largest_rsa_key() -> None:
    vector = json.loads(RSA_8192.read_text())
    key, signature, data = (bytes.fromhex(vector[name]) for name in ("spki", "signature", "data"))
    signatures.verify_rsa_spki(key, signature, data)
    with pytest.raises(BadInput, match="invalid RSA signature"):
        signatures.verify_rsa_spki(key, signature, data[:-1])


_P256 = ec.generate_private_key(ec.SECP256R1())
_SIGNATURE = _P256.sign(DATA, ec.ECDSA(hashes.SHA256()))


@settings(max_examples=300)
@given(st.integers(min_value=0), st.integers(0, 255), st.binary(max_size=100))
def test_anything_else_is_bad_input(position: int, byte: int, junk: bytes) -> None:
    public = spki(_P256.public_key())
    key, signature = bytearray(public), bytearray(_SIGNATURE)
    key[position % len(key)] = byte
    signature[position % len(signature)] = byte
    for given_key, signed in ((bytes(key), _SIGNATURE), (junk, _SIGNATURE), (public, bytes(signature))):
        for verify in (signatures.verify_ecdsa_spki, signatures.verify_rsa_spki):
            try:
                verify(given_key, signed, DATA)
            except BadInput:
                continue
            assert (given_key, signed) == (public, _SIGNATURE)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
