"""What the primitives share, wherever they run: types, randomness and hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

_Result = TypeVar("_Result")

RSA_BITS = range(2048, 8193)
"""libp2p peers refuse shorter keys as weak; longer ones cost too much to check."""


class BadInput(ValueError):
    """A key, signature or ciphertext is not valid."""


@dataclass(frozen=True)
class X25519Key:
    """A key pair for Diffie-Hellman. *private* belongs to the module that made it."""

    public: bytes
    private: Any = field(repr=False)


@dataclass(frozen=True)
class ChaChaKey:
    """A key for ChaCha20-Poly1305. *secret* belongs to the module that made it."""

    secret: Any = field(repr=False)


@dataclass(frozen=True)
class SignatureScheme:
    """How to sign with private keys of one kind. Both raise BadInput for a key that cannot be used."""

    public_key: Callable[[bytes], bytes]
    """Gives the public key of a private one."""
    sign: Callable[[bytes, bytes], Awaitable[bytes]]
    """Gives the private key's signature of the data."""


class Begun(ABC, Generic[_Result]):
    """A coroutine that has begun, and awaits primitives alone. Await this, once, for its result."""

    @abstractmethod
    def __await__(self) -> Generator[Any, Any, _Result]: ...

    @abstractmethod
    def cancel(self) -> None:
        """Let it go no further: nobody awaits it."""


async def random_bytes(count: int) -> bytes:
    """Return *count* bytes that nobody can predict."""
    return secrets.token_bytes(count)


async def sha256(data: bytes) -> bytes:
    """Return the SHA-256 digest."""
    return hashlib.sha256(data).digest()


async def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return the HMAC-SHA256 (RFC 2104)."""
    return hmac.digest(key, data, "sha256")


async def hkdf_sha256(chaining_key: bytes, material: bytes) -> tuple[bytes, bytes]:
    """Return two outputs of HKDF with an empty info (RFC 5869; Noise section 4.3)."""
    secret = await hmac_sha256(chaining_key, material)
    first = await hmac_sha256(secret, b"\x01")
    return first, await hmac_sha256(secret, first + b"\x02")
