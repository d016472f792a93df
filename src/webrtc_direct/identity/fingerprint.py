"""The fingerprint of a DTLS certificate, in all its forms: digest, multihash, certhash, SDP."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from webrtc_direct.encoding import multibase
from webrtc_direct.errors import AddressError

SHA256_MULTIHASH_PREFIX = b"\x12\x20"
"""Multicodec of SHA-256, and the size of its digest."""

_DIGEST_SIZE = 32


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256 of a DTLS certificate in DER."""

    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != _DIGEST_SIZE:
            raise ValueError(f"a SHA-256 digest has {_DIGEST_SIZE} bytes, not {len(self.digest)}")

    @classmethod
    def from_certificate(cls, der: bytes) -> Fingerprint:
        """Hash a certificate in DER."""
        return cls(hashlib.sha256(der).digest())

    @classmethod
    def from_multihash(cls, multihash: bytes) -> Fingerprint:
        """Take a SHA-256 multihash. Raises AddressError."""
        return cls(_digest(multihash, value=multihash.hex()))

    @classmethod
    def from_certhash(cls, text: str) -> Fingerprint:
        """Read the value of a ``/certhash`` component, in any usual multibase. Raises AddressError."""
        try:
            multihash = multibase.decode(text)
        except ValueError as error:
            raise AddressError(component="certhash", value=text, problem=f"not multibase: {error}") from error
        return cls(_digest(multihash, value=text))

    @property
    def multihash(self) -> bytes:
        """The binary form in multiaddrs and in the Noise prologue."""
        return SHA256_MULTIHASH_PREFIX + self.digest

    @property
    def certhash(self) -> str:
        """The text form in multiaddrs: multibase base64url."""
        return multibase.encode_base64url(self.multihash)

    @property
    def sdp(self) -> str:
        """The text form in session descriptions: ``AA:BB:…`` (RFC 8122)."""
        return self.digest.hex(":").upper()

    def __str__(self) -> str:
        return self.certhash

    def __repr__(self) -> str:
        return f"Fingerprint({self.certhash!r})"


def _digest(multihash: bytes, *, value: str) -> bytes:
    """Return the digest of a SHA-256 multihash."""
    if multihash[:1] != SHA256_MULTIHASH_PREFIX[:1]:
        raise _unusable(value, "not a SHA-256 multihash; other hashes are not supported")
    if multihash[1:2] != SHA256_MULTIHASH_PREFIX[1:] or len(multihash) != 2 + _DIGEST_SIZE:
        raise _unusable(value, f"a SHA-256 multihash must hold {_DIGEST_SIZE} bytes of digest")
    return multihash[2:]


def _unusable(value: str, problem: str) -> AddressError:
    return AddressError(component="certhash", value=value, problem=problem)
