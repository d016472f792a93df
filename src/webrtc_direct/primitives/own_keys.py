"""Signing with keys that this end brings along: secp256k1, ECDSA and RSA, by ``cryptography``.

The forms of private keys are libp2p's (peer-ids spec, "Key Types"). All functions raise BadInput for
a key that cannot be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from webrtc_direct.primitives.common import RSA_BITS, BadInput, SignatureScheme

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

_SECP256K1_SIZE = 32
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def _secp256k1(private: bytes) -> ec.EllipticCurvePrivateKey:
    if len(private) != _SECP256K1_SIZE:
        raise BadInput(f"secp256k1 private key of {len(private)} bytes, not {_SECP256K1_SIZE}")
    try:
        return ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256K1())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput("not a secp256k1 private key") from error


def _ecdsa(private: bytes) -> ec.EllipticCurvePrivateKey:
    key = _load_der(private)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, _CURVES):
        raise BadInput("not an ECDSA private key on P-256, P-384 or P-521")
    return key


def _rsa(private: bytes) -> rsa.RSAPrivateKey:
    key = _load_der(private)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadInput("not an RSA private key")
    if key.key_size not in RSA_BITS:
        raise BadInput(f"RSA key of {key.key_size} bits; {RSA_BITS[0]} to {RSA_BITS[-1]} are accepted")
    return key


def _load_der(private: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_der_private_key(private, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadInput("not a private key in DER") from error


def _spki(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _secp256k1_public(private: bytes) -> bytes:
    return (
        _secp256k1(private)
        .public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    )


def _ecdsa_public(private: bytes) -> bytes:
    return _spki(_ecdsa(private).public_key())


def _rsa_public(private: bytes) -> bytes:
    return _spki(_rsa(private).public_key())


async def _secp256k1_sign(private: bytes, data: bytes) -> bytes:
    return _secp256k1(private).sign(data, ec.ECDSA(hashes.SHA256()))


async def _ecdsa_sign(private: bytes, data: bytes) -> bytes:
    return _ecdsa(private).sign(data, ec.ECDSA(hashes.SHA256()))


async def _rsa_sign(private: bytes, data: bytes) -> bytes:
    return _rsa(private).sign(data, padding.PKCS1v15(), hashes.SHA256())


OTHER_SCHEMES: dict[str, SignatureScheme] = {
    # 32 bytes; the public key is a compressed SEC 1 point; signatures are DER, with SHA-256.
    "SECP256K1": SignatureScheme(_secp256k1_public, _secp256k1_sign),
    # DER (RFC 5915); the public key is a SubjectPublicKeyInfo; signatures are DER, with SHA-256.
    "ECDSA": SignatureScheme(_ecdsa_public, _ecdsa_sign),
    # DER (PKCS #1); the public key is a SubjectPublicKeyInfo; signatures are PKCS #1 v1.5, with SHA-256.
    "RSA": SignatureScheme(_rsa_public, _rsa_sign),
}
"""How to sign with keys other than Ed25519, by the names that libp2p has for their kinds."""
