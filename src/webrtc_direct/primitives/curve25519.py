"""X25519 (RFC 7748) and Ed25519 (RFC 8032) in Python, for where nothing better is at hand.

The time that these functions take depends on their secrets: they are no substitute for a
library where somebody else can measure that.
"""

from __future__ import annotations

from hashlib import sha512

SIZE = 32
"""Bytes of a key, of either kind, and of a shared secret."""
BASE_POINT = (9).to_bytes(SIZE, "little")
"""What X25519 of a private key is the public key with."""

_P = 2**255 - 19
_A24 = 121665
# The order of Ed25519's base point, and the curve's constant d.
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_SIGN = 1 << 255

# Extended coordinates (RFC 8032 section 5.1.4): X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z.
_Point = tuple[int, int, int, int]
_NEUTRAL: _Point = (0, 1, 1, 0)


def x25519(scalar: bytes, public: bytes) -> bytes:
    """Return the shared secret; all zero where *public* is a point of low order (RFC 7748 section 5)."""
    k = int.from_bytes(scalar, "little") & ~7 & (_SIGN - 1) | (1 << 254)
    x1 = (int.from_bytes(public, "little") & (_SIGN - 1)) % _P
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap != bit:
            x2, x3, z2, z3, swap = x3, x2, z3, z2, bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % _P, b * b % _P
        e = aa - bb
        da, cb = (x3 - z3) * a % _P, (x3 + z3) * b % _P
        x3, z3 = (da + cb) ** 2 % _P, x1 * (da - cb) ** 2 % _P
        x2, z2 = aa * bb % _P, e * (aa + _A24 * e) % _P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, _P - 2, _P) % _P).to_bytes(SIZE, "little")


def ed25519_public_key(seed: bytes) -> bytes:
    """Return the public key of a 32-byte secret."""
    return _encode(_multiply(_expand(seed)[0], _BASE))


def ed25519_sign(seed: bytes, data: bytes) -> bytes:
    """Return the signature of *data* by a 32-byte secret."""
    scalar, prefix = _expand(seed)
    public = _encode(_multiply(scalar, _BASE))
    r = _hash_to_scalar(prefix, data)
    commitment = _encode(_multiply(r, _BASE))
    s = (r + _hash_to_scalar(commitment, public, data) * scalar) % _ORDER
    return commitment + s.to_bytes(SIZE, "little")


def ed25519_is_valid(public: bytes, signature: bytes, data: bytes) -> bool:
    """Say whether *signature* is one of *data* by the owner of *public*."""
    point = _decode(public)
    commitment, s = signature[:SIZE], int.from_bytes(signature[SIZE:], "little")
    if point is None or len(signature) != 2 * SIZE or s >= _ORDER:
        return False
    x, y, z, t = point
    k = _hash_to_scalar(commitment, public, data)
    expected = _add(_multiply(s, _BASE), _multiply(k, (-x % _P, y, z, -t % _P)))
    return _encode(expected) == commitment


def _expand(seed: bytes) -> tuple[int, bytes]:
    """Return the secret scalar, and the prefix that nonces are made with."""
    digest = sha512(seed).digest()
    scalar = int.from_bytes(digest[:SIZE], "little") & ~7 & ((1 << 254) - 1) | (1 << 254)
    return scalar, digest[SIZE:]


def _hash_to_scalar(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % _ORDER


def _add(p: _Point, q: _Point) -> _Point:
    x1, y1, z1, t1 = p
    x2, y2, z2, t2 = q
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(p: _Point) -> _Point:
    x, y, z, _ = p
    a, b, c = x * x % _P, y * y % _P, 2 * z * z
    h = a + b
    e, g = h - (x + y) ** 2 % _P, a - b
    f = c + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(scalar: int, point: _Point) -> _Point:
    # Four bits at a time: a quarter of the additions.
    multiples = [_NEUTRAL]
    for _ in range(15):
        multiples.append(_add(multiples[-1], point))
    result = _NEUTRAL
    for shift in range(252, -1, -4):
        if result is not _NEUTRAL:
            result = _double(_double(_double(_double(result))))
        if digit := scalar >> shift & 15:
            result = _add(result, multiples[digit])
    return result


def _encode(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(SIZE, "little")


def _decode(encoded: bytes) -> _Point | None:
    value = int.from_bytes(encoded, "little")
    y, sign = value & (_SIGN - 1), value >> 255
    if len(encoded) != SIZE or y >= _P:
        return None
    # RFC 8032 section 5.1.3: x = sqrt(u/v).
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * v**3 * pow(u * v**7, (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _SQRT_MINUS_1 % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _base() -> _Point:
    point = _decode((4 * pow(5, -1, _P) % _P).to_bytes(SIZE, "little"))
    if point is None:
        raise AssertionError("the base point is on the curve")
    return point


_BASE = _base()
