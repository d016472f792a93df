"""The primitives on CPython, by ``cryptography``. They never suspend."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import cryptography
from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from webrtc_direct.primitives.common import RSA_BITS, BadInput, Begun, ChaChaKey, X25519Key, random_bytes

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

_Result = TypeVar("_Result")

_ED25519_SEED = 32
_ECDSA_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


class _Done(Begun[_Result]):
    """A coroutine that has run, for nothing that it awaits suspends."""

    def __init__(self, coroutine: Coroutine[Any, Any, _Result]) -> None:
        self._future: Future[_Result] = Future()
        try:
            coroutine.send(None)
        except StopIteration as end:
            self._future.set_result(end.value)
        except Exception as error:  # noqa: BLE001 - whoever awaits gets it
            self._future.set_exception(error)
        else:
            coroutine.close()
            self._future.set_exception(AssertionError("it awaited something that is no primitive"))

    def __await__(self) -> Generator[Any, Any, _Result]:
        yield from ()
        return self._future.result()

    def cancel(self) -> None:
        """Do nothing: there is nothing left to stop."""


def begin(coroutine: Coroutine[Any, Any, _Result]) -> Begun[_Result]:
    """Begin a *coroutine* that awaits primitives alone."""
    return _Done(coroutine)


def in_use() -> dict[str, str]:
    """Return what computes the primitives, by their names."""
    return {"all": f"cryptography {cryptography.__version__}"}


async def x25519_key(private: bytes) -> X25519Key:
    """Make a key pair from 32 random bytes."""
    key = X25519PrivateKey.from_private_bytes(private)
    return X25519Key(key.public_key().public_bytes_raw(), key)


async def x25519(public: bytes, *keys: X25519Key) -> list[bytes]:
    """Return the secret of each of *keys* with *public*. Raises BadInput for a point of low order."""
    peer = X25519PublicKey.from_public_bytes(public)
    privates: list[X25519PrivateKey] = [key.private for key in keys]
    try:
        return [private.exchange(peer) for private in privates]
    except ValueError as error:
        raise BadInput("point of low order") from error


def chacha20_poly1305_key(key: bytes) -> ChaChaKey:
    """Make a key of 32 bytes, for both directions."""
    return ChaChaKey(ChaCha20Poly1305(key))


async def chacha20_poly1305_encrypt(key: ChaChaKey, nonce: bytes, plaintext: bytes, data: bytes) -> bytes:
    """Encrypt and authenticate *plaintext*, authenticate *data* too (RFC 8439)."""
    cipher: ChaCha20Poly1305 = key.secret
    return cipher.encrypt(nonce, plaintext, data)


async def chacha20_poly1305_decrypt(key: ChaChaKey, nonce: bytes, ciphertext: bytes, data: bytes) -> bytes:
    """Return the plaintext. Raises BadInput where anything was changed."""
    cipher: ChaCha20Poly1305 = key.secret
    try:
        return cipher.decrypt(nonce, ciphertext, data)
    except InvalidTag as error:
        raise BadInput("authentication failed") from error


def ed25519_public_key(seed: bytes) -> bytes:
    """Return the public key of a 32-byte secret."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


async def ed25519_key() -> tuple[bytes, bytes]:
    """Return a new 32-byte secret, and its public key."""
    seed = await random_bytes(_ED25519_SEED)
    return seed, ed25519_public_key(seed)


async def ed25519_sign(seed: bytes, data: bytes) -> bytes:
    """Return the signature of *data* by a 32-byte secret."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(data)


async def ed25519_verify(public: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* is valid."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError) as error:
        raise BadInput("invalid Ed25519 signature") from error


async def secp256k1_verify(point: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* (DER, SHA-256) is valid; *point* is SEC 1, compressed or not."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), point)
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise BadInput("invalid secp256k1 key or signature") from error


async def ecdsa_verify(spki: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* (DER, SHA-256) is valid; *spki* is a DER SubjectPublicKeyInfo."""
    key = _load_spki(spki)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, _ECDSA_CURVES):
        raise BadInput("not an ECDSA key on P-256, P-384 or P-521")
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as error:
        raise BadInput("invalid ECDSA signature") from error


async def rsa_verify(spki: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* (PKCS #1 v1.5, SHA-256) is valid, and the size of its key too."""
    key = _load_spki(spki)
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadInput("not an RSA key")
    if key.key_size not in RSA_BITS:
        raise BadInput(f"RSA key of {key.key_size} bits; {RSA_BITS[0]} to {RSA_BITS[-1]} are accepted")
    try:
        key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise BadInput("invalid RSA signature") from error


def _load_spki(spki: bytes) -> object:
    try:
        return serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput("not a public key in DER") from error
