"""The primitives in a browser: WebCrypto, and Python for what it lacks.

WebCrypto is there on secure pages alone (https, localhost), and not every browser has every
algorithm; none has secp256k1. What needs no secret is computed in Python everywhere: ECDSA
and RSA signatures are only checked here. ``in_use`` and the log say what computes the others.
"""

from __future__ import annotations

import logging
import secrets
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import js
from pyodide.ffi import JsException, to_js

from webrtc_direct.primitives import chacha20_poly1305, curve25519, signatures
from webrtc_direct.primitives.browser_promises import Promise, call, method
from webrtc_direct.primitives.common import BadInput, ChaChaKey, SignatureScheme, X25519Key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger: logging.Logger = logging.getLogger("webrtc_direct.primitives")

_Result = TypeVar("_Result")

_WEBCRYPTO, _PYTHON = "WebCrypto", "Python"
_CHACHA = "ChaCha20-Poly1305"
# PKCS #8 of a private key without its public one (RFC 8410 section 7), up to its 32 bytes.
_X25519_PKCS8 = bytes.fromhex("302e020100300506032b656e04220420")
_ED25519_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
_SECRET_BITS = 256
# The keys of so many peers are kept: a page dials the same one again.
_KNOWN_PEERS = 16

OTHER_SCHEMES: dict[str, SignatureScheme] = {}
"""A page signs with Ed25519 alone: no browser has secp256k1, and nobody keeps an RSA key for a page."""

_in_use: dict[str, str] = {"ECDSA": _PYTHON, "RSA": _PYTHON}


def in_use() -> dict[str, str]:
    """Return what computes the primitives, by their names, as far as they have been used."""
    return dict(_in_use)


async def x25519_key(private: bytes) -> X25519Key:
    """Make a key pair from 32 random bytes."""

    async def webcrypto() -> X25519Key:
        """What the browser has."""
        key = await _import("pkcs8", _X25519_PKCS8 + private, "X25519", "deriveBits")
        return X25519Key(_bytes(await _derive(key, await _base_point())), key)

    def python() -> X25519Key:
        """What this package has."""
        return X25519Key(curve25519.x25519(private, curve25519.BASE_POINT), private)

    return await _first("X25519", webcrypto, python)


async def x25519(public: bytes, *keys: X25519Key) -> list[bytes]:
    """Return the secret of each of *keys* with *public*. Raises BadInput for a point of low order."""
    # A page makes all its keys in one way.
    if isinstance(keys[0].private, bytes):
        shared = [curve25519.x25519(key.private, public) for key in keys]
        if not all(map(any, shared)):
            raise BadInput("point of low order")
        return shared
    imported = await _import_x25519(public)
    shared, problem = [], None
    # All are begun first: to wait takes a turn of the page's event loop, and one is enough.
    for secret in [_derive(key.private, imported) for key in keys]:
        try:
            shared.append(_bytes(await secret))
        except JsException as error:
            problem = error
    if problem is not None:
        raise BadInput("point of low order") from problem
    return shared


def chacha20_poly1305_key(key: bytes) -> ChaChaKey:
    """Make a key of 32 bytes, for both directions."""
    # Begun early only where it is known to work: nobody may ask why it did not.
    known = _in_use.get(_CHACHA) == _WEBCRYPTO
    return ChaChaKey((key, _import_chacha(key) if known else None))


async def chacha20_poly1305_encrypt(key: ChaChaKey, nonce: bytes, plaintext: bytes, data: bytes) -> bytes:
    """Encrypt and authenticate *plaintext*, authenticate *data* too (RFC 8439)."""
    raw, imported = key.secret

    async def webcrypto() -> bytes:
        """What the browser has."""
        used = await (imported or _import_chacha(raw))
        return _bytes(await _call("encrypt", _aead(nonce, data), used, plaintext))

    return await _first(_CHACHA, webcrypto, lambda: chacha20_poly1305.encrypt(raw, nonce, plaintext, data))


async def chacha20_poly1305_decrypt(key: ChaChaKey, nonce: bytes, ciphertext: bytes, data: bytes) -> bytes:
    """Return the plaintext. Raises BadInput where anything was changed."""
    raw, imported = key.secret

    async def webcrypto() -> bytes | None:
        """What the browser has."""
        used = await (imported or _import_chacha(raw))
        try:
            return _bytes(await _call("decrypt", _aead(nonce, data), used, ciphertext))
        except JsException as error:
            if error.name == "OperationError":
                return None
            raise

    plaintext = await _first(
        _CHACHA, webcrypto, lambda: chacha20_poly1305.decrypt(raw, nonce, ciphertext, data)
    )
    if plaintext is None:
        raise BadInput("authentication failed")
    return plaintext


def ed25519_public_key(seed: bytes) -> bytes:
    """Return the public key of a 32-byte secret. WebCrypto could not answer at once."""
    return curve25519.ed25519_public_key(seed)


async def ed25519_key() -> tuple[bytes, bytes]:
    """Return a new 32-byte secret, and its public key."""

    async def webcrypto() -> tuple[bytes, bytes]:
        """What the browser has."""
        pair = await _call("generateKey", "Ed25519", True, ["sign", "verify"])  # noqa: FBT003
        private = _bytes(await _call("exportKey", "pkcs8", pair.privateKey))
        public = _bytes(await _call("exportKey", "raw", pair.publicKey))
        # RFC 8410 section 7: what may follow the secret is the public key.
        return private[len(_ED25519_PKCS8) :][: curve25519.SIZE], public

    def python() -> tuple[bytes, bytes]:
        """What this package has."""
        seed = secrets.token_bytes(curve25519.SIZE)
        return seed, curve25519.ed25519_public_key(seed)

    return await _first("Ed25519", webcrypto, python)


async def ed25519_sign(seed: bytes, data: bytes) -> bytes:
    """Return the signature of *data* by a 32-byte secret."""

    async def webcrypto() -> bytes:
        """What the browser has."""
        key = await _import("pkcs8", _ED25519_PKCS8 + seed, "Ed25519", "sign")
        return _bytes(await _call("sign", "Ed25519", key, data))

    return await _first("Ed25519", webcrypto, lambda: curve25519.ed25519_sign(seed, data))


async def ed25519_verify(public: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* is valid."""

    async def webcrypto() -> bool:
        """What the browser has."""
        try:
            key = await _import_ed25519(public)
            return bool(await _call("verify", "Ed25519", key, signature, data))
        except JsException as error:
            if error.name == "DataError":
                return False
            raise

    if not await _first("Ed25519", webcrypto, lambda: curve25519.ed25519_is_valid(public, signature, data)):
        raise BadInput("invalid Ed25519 signature")


async def secp256k1_verify(point: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* (DER, SHA-256) is valid; *point* is SEC 1, compressed or not."""
    try:
        signatures.verify_ecdsa(signatures.SECP256K1, point, signature, data)
    except BadInput as error:
        raise BadInput("invalid secp256k1 key or signature") from error


async def ecdsa_verify(spki: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* (DER, SHA-256) is valid; *spki* is a DER SubjectPublicKeyInfo."""
    signatures.verify_ecdsa_spki(spki, signature, data)


async def rsa_verify(spki: bytes, signature: bytes, data: bytes) -> None:
    """Raise BadInput unless *signature* (PKCS #1 v1.5, SHA-256) is valid, and the size of its key too."""
    signatures.verify_rsa_spki(spki, signature, data)


async def _first(
    algorithm: str, webcrypto: Callable[[], Awaitable[_Result]], python: Callable[[], _Result]
) -> _Result:
    """Compute with *webcrypto* where the browser can, and else with *python*."""
    if _may_use_webcrypto(algorithm):
        try:
            result = await webcrypto()
        except JsException as error:
            if not _is_missing(error):
                raise
        else:
            _use(algorithm, _WEBCRYPTO)
            return result
    _use(algorithm, _PYTHON)
    return python()


def _is_missing(error: JsException) -> bool:
    # An unknown algorithm is a NotSupportedError; an unknown format of keys is no member of its enumeration.
    return error.name in ("NotSupportedError", "TypeError", "SyntaxError")


def _use(algorithm: str, what: str) -> None:
    if _in_use.get(algorithm) != what:
        _in_use[algorithm] = what
        logger.info("%s is computed by %s", algorithm, what)


def _may_use_webcrypto(algorithm: str) -> bool:
    return _in_use.get(algorithm) != _PYTHON and getattr(js.crypto, "subtle", None) is not None


@cache
def _method(name: str) -> Any:
    return method(js.crypto.subtle, name)


def _call(name: str, *arguments: Any) -> Promise:
    return call(_method(name), *arguments)


def _import(form: str, key: bytes, algorithm: str, *uses: str) -> Promise:
    """Begin to make a key of WebCrypto that cannot be read back."""
    return _call("importKey", form, key, algorithm, False, uses)  # noqa: FBT003


def _import_chacha(key: bytes) -> Promise:
    return _import("raw-secret", key, _CHACHA, "encrypt", "decrypt")


def _import_x25519(public: bytes) -> Promise:
    return _call("importKey", "raw", public, "X25519", True, [])  # noqa: FBT003


@cache
def _base_point() -> Promise:
    return _import_x25519(curve25519.BASE_POINT)


@lru_cache(_KNOWN_PEERS)
def _import_ed25519(public: bytes) -> Promise:
    return _import("raw", public, "Ed25519", "verify")


def _derive(key: Any, public: Any) -> Promise:
    """Begin to compute the secret of two keys of WebCrypto."""
    algorithm = js.Object.new()
    algorithm.name, algorithm.public = "X25519", public
    return _call("deriveBits", algorithm, key, _SECRET_BITS)


def _aead(nonce: bytes, data: bytes) -> Any:
    algorithm = js.Object.new()
    algorithm.name = _CHACHA
    algorithm.iv = to_js(nonce)
    algorithm.additionalData = to_js(data)
    return algorithm


def _bytes(buffer: Any) -> bytes:
    data: bytes = buffer.to_bytes()
    return data
