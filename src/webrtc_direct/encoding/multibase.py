"""Text forms of binary data that begin with a letter naming the alphabet (multiformats, "multibase")."""

from __future__ import annotations

import base64
import binascii

import base58

# A digest of 32 bytes in base16 with its multihash and CID headers is 77 characters; more is no use here.
_MAX_TEXT = 256


def encode_base64url(data: bytes) -> str:
    """Return base64url without padding, prefix ``u``: what everybody writes in ``/certhash``."""
    return "u" + base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of *text* in base16, base32, base36, base58btc, base64 or base64url.

    Raises:
        ValueError: the alphabet is unknown, or *text* is not written in it.
    """
    if len(text) > _MAX_TEXT or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("too long, or with characters that no alphabet has")
    kind, digits = text[:1], text[1:]
    try:
        match kind:
            case "u" | "U":
                return _base64(digits, altchars=b"-_", padded=kind == "U")
            case "m" | "M":
                return _base64(digits, altchars=b"+/", padded=kind == "M")
            case "f" | "F":
                return bytes.fromhex(_of_case(digits, upper=kind == "F"))
            case "b" | "B" | "c" | "C":
                return _base32(_of_case(digits, upper=kind in "BC"), padded=kind in "cC")
            case "k" | "K":
                return _base36(_of_case(digits, upper=kind == "K"))
            case "z":
                return base58.b58decode(digits)
            case _:
                raise ValueError(f"unknown multibase prefix {kind!r}")
    except binascii.Error as error:
        raise ValueError(f"not the alphabet of multibase {kind!r}") from error


def _of_case(digits: str, *, upper: bool) -> str:
    if digits != (digits.upper() if upper else digits.lower()):
        raise ValueError("digits of the wrong case")
    return digits


def _base64(digits: str, *, altchars: bytes, padded: bool) -> bytes:
    if not padded:
        if "=" in digits:
            raise ValueError("padding where there must be none")
        digits += "=" * (-len(digits) % 4)
    decoded = base64.b64decode(digits, altchars, validate=True)
    # The last digit may carry bits that mean nothing; only zero is canonical (RFC 4648 section 3.5).
    if base64.b64encode(decoded, altchars).decode("ascii") != digits:
        raise ValueError("not canonical")
    return decoded


def _base32(digits: str, *, padded: bool) -> bytes:
    if not padded:
        if "=" in digits:
            raise ValueError("padding where there must be none")
        digits += "=" * (-len(digits) % 8)
    decoded = base64.b32decode(digits.upper())
    if base64.b32encode(decoded).decode("ascii") != digits.upper():
        raise ValueError("not canonical")
    return decoded


def _base36(digits: str) -> bytes:
    if not digits.isalnum():
        raise ValueError("not the alphabet of multibase 'k'")
    number = int(digits, 36)
    leading_zeros = len(digits) - len(digits.lstrip("0"))
    return bytes(leading_zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
