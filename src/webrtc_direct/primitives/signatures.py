"""Checks of ECDSA and RSA signatures in Python. Nothing here is secret, so time may tell what it likes.

ECDSA: FIPS 186-5 section 6.4.2, with SEC 1 points. RSA: PKCS #1 v1.5 (RFC 8017 section 8.2.2). Both
with SHA-256. All functions are safe on bytes from anywhere, and raise BadInput.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from webrtc_direct.primitives.common import RSA_BITS, BadInput

# Jacobian coordinates: x = X/Z^2, y = Y/Z^3; Z = 0 is the point at infinity.
_Point = tuple[int, int, int]
_INFINITY: _Point = (1, 1, 0)

_SEQUENCE, _INTEGER, _BIT_STRING, _OID, _NULL = 0x30, 0x02, 0x03, 0x06, 0x05
_EC_PUBLIC_KEY = bytes.fromhex("2a8648ce3d0201")
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
# DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1).
_SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
# Everybody's is 65537; a large one costs time.
_MAX_RSA_EXPONENT_BITS = 64


@dataclass(frozen=True)
class Curve:
    """y^2 = x^3 + ax + b over the prime field of p, with a base point of the prime order n."""

    p: int
    a: int
    b: int
    n: int
    base: _Point

    @property
    def size(self) -> int:
        """Bytes of a coordinate."""
        return (self.p.bit_length() + 7) // 8


def _curve(p: int, a: int, b: str, n: str, gx: str, gy: str) -> Curve:
    return Curve(p, a % p, int(b, 16), int(n, 16), (int(gx, 16), int(gy, 16), 1))


SECP256K1 = _curve(
    2**256 - 2**32 - 977, 0, "7",
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
)  # fmt: skip
_NAMED_CURVES = {
    # P-256, P-384, P-521.
    bytes.fromhex("2a8648ce3d030107"): _curve(
        2**256 - 2**224 + 2**192 + 2**96 - 1, -3,
        "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    ),
    bytes.fromhex("2b81040022"): _curve(
        2**384 - 2**128 - 2**96 + 2**32 - 1, -3,
        "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
        "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
    ),
    bytes.fromhex("2b81040023"): _curve(
        2**521 - 1, -3,
        "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf07"
        "3573df883d2c34f1ef451fd46b503f00",
        "1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d"
        "03bb5c9b8899c47aebb6fb71e91386409",
        "c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de"
        "3348b3c1856a429bf97e7e31c2e5bd66",
        "11839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad076"
        "1353c7086a272c24088be94769fd16650",
    ),
}  # fmt: skip


def verify_ecdsa_spki(spki: bytes, signature: bytes, data: bytes) -> None:
    """Check a DER *signature* of *data*; the key is a SubjectPublicKeyInfo on P-256, P-384 or P-521."""
    algorithm, parameters, point = _read_spki(spki)
    curve = _NAMED_CURVES.get(parameters.value) if parameters.tag == _OID else None
    if algorithm != _EC_PUBLIC_KEY or curve is None:
        raise BadInput("not an ECDSA key on P-256, P-384 or P-521")
    verify_ecdsa(curve, point, signature, data)


def verify_ecdsa(curve: Curve, point: bytes, signature: bytes, data: bytes) -> None:
    """Check a DER *signature* of *data*; the key is a SEC 1 *point*, compressed or not."""
    key = _decode_point(curve, point)
    outer = _Reader(signature)
    inner = _Reader(outer.read(_SEQUENCE))
    r, s = inner.read_integer(), inner.read_integer()
    inner.end()
    outer.end()
    if not (0 < r < curve.n and 0 < s < curve.n):
        raise BadInput("invalid ECDSA signature")
    # The digest is never longer than the order.
    digest = int.from_bytes(sha256(data).digest(), "big")
    inverse = pow(s, -1, curve.n)
    x, _, z = _multiply_both(curve, digest * inverse % curve.n, r * inverse % curve.n, key)
    if z == 0 or x * pow(z, -2, curve.p) % curve.p % curve.n != r:
        raise BadInput("invalid ECDSA signature")


def verify_rsa_spki(spki: bytes, signature: bytes, data: bytes) -> None:
    """Check a *signature* of *data*, and the size of its key, which is a SubjectPublicKeyInfo."""
    algorithm, parameters, key = _read_spki(spki)
    if algorithm != _RSA_ENCRYPTION or parameters.tag != _NULL:
        raise BadInput("not an RSA key")
    outer = _Reader(key)
    inner = _Reader(outer.read(_SEQUENCE))
    n, e = inner.read_integer(), inner.read_integer()
    inner.end()
    outer.end()
    bits = n.bit_length()
    if bits not in RSA_BITS:
        raise BadInput(f"RSA key of {bits} bits; {RSA_BITS[0]} to {RSA_BITS[-1]} are accepted")
    if n % 2 == 0 or e < 3 or e % 2 == 0 or e.bit_length() > _MAX_RSA_EXPONENT_BITS:
        raise BadInput("not a public key in DER")
    size = (bits + 7) // 8
    value = int.from_bytes(signature, "big")
    if len(signature) != size or value >= n:
        raise BadInput("invalid RSA signature")
    suffix = _SHA256_DIGEST_INFO + sha256(data).digest()
    expected = b"\x00\x01" + b"\xff" * (size - 3 - len(suffix)) + b"\x00" + suffix
    if pow(value, e, n) != int.from_bytes(expected, "big"):
        raise BadInput("invalid RSA signature")


def _decode_point(curve: Curve, encoded: bytes) -> _Point:
    """Read a SEC 1 point (section 2.3.4). It is on the curve, and every curve here has the cofactor 1."""
    size, p = curve.size, curve.p
    if len(encoded) == 1 + 2 * size and encoded[0] == 4:
        x, y = int.from_bytes(encoded[1 : 1 + size], "big"), int.from_bytes(encoded[1 + size :], "big")
    elif len(encoded) == 1 + size and encoded[0] in (2, 3):
        x = int.from_bytes(encoded[1:], "big")
        # Every p here is 3 modulo 4.
        y = pow(x**3 + curve.a * x + curve.b, (p + 1) // 4, p)
        if y & 1 != encoded[0] & 1:
            y = p - y
    else:
        raise BadInput("invalid key: not a SEC 1 point")
    if x >= p or y >= p or (y * y - x**3 - curve.a * x - curve.b) % p:
        raise BadInput("invalid key: not a point of the curve")
    return x, y, 1


def _multiply_both(curve: Curve, u: int, v: int, key: _Point) -> _Point:
    """Return u times the base point and v times *key*, together."""
    both = _add(curve, curve.base, key)
    result = _INFINITY
    for shift in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
        result = _double(curve, result)
        if u >> shift & 1:
            result = _add(curve, result, both if v >> shift & 1 else curve.base)
        elif v >> shift & 1:
            result = _add(curve, result, key)
    return result


def _double(curve: Curve, point: _Point) -> _Point:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    p = curve.p
    yy = y * y % p
    s = 4 * x * yy % p
    m = (3 * x * x + curve.a * pow(z, 4, p)) % p if curve.a else 3 * x * x % p
    x3 = (m * m - 2 * s) % p
    return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p


def _add(curve: Curve, one: _Point, other: _Point) -> _Point:
    (x1, y1, z1), (x2, y2, z2), p = one, other, curve.p
    if z1 == 0:
        return other
    if z2 == 0:
        return one
    zz1, zz2 = z1 * z1 % p, z2 * z2 % p
    u1, u2 = x1 * zz2 % p, x2 * zz1 % p
    s1, s2 = y1 * zz2 * z2 % p, y2 * zz1 * z1 % p
    if u1 == u2:
        return _double(curve, one) if s1 == s2 else _INFINITY
    h, r = u2 - u1, s2 - s1
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x3 = (r * r - hhh - 2 * v) % p
    return x3, (r * (v - x3) - s1 * hhh) % p, h * z1 * z2 % p


def _read_spki(spki: bytes) -> tuple[bytes, _Value, bytes]:
    """Return the algorithm's OID, its parameters and the key of a SubjectPublicKeyInfo (RFC 5280 4.1)."""
    outer = _Reader(spki)
    inner = _Reader(outer.read(_SEQUENCE))
    algorithm = _Reader(inner.read(_SEQUENCE))
    oid, parameters = algorithm.read(_OID), algorithm.read_any()
    key = inner.read(_BIT_STRING)
    algorithm.end()
    inner.end()
    outer.end()
    if not key or key[0] != 0:
        raise BadInput("not a public key in DER")
    return oid, parameters, key[1:]


@dataclass(frozen=True)
class _Value:
    tag: int
    value: bytes


class _Reader:
    """Reads DER, strictly: the values of one level, in order."""

    def __init__(self, encoded: bytes) -> None:
        self._rest = encoded

    def read(self, tag: int) -> bytes:
        """Return the content of the next value, which has this tag."""
        value = self.read_any()
        if value.tag != tag:
            raise BadInput("not in DER")
        return value.value

    def read_any(self) -> _Value:
        """Return the next value."""
        rest = self._rest
        if len(rest) < 2:
            raise BadInput("not in DER: too short")
        tag, size, start = rest[0], rest[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(rest[2:start], "big")
            # The shortest form is the only one.
            if not 2 < start <= 4 or size < 0x80 or (start == 4 and size < 0x100):
                raise BadInput("not in DER: a length")
        if len(rest) < start + size:
            raise BadInput("not in DER: too short")
        self._rest = rest[start + size :]
        return _Value(tag, rest[start : start + size])

    def read_integer(self) -> int:
        """Return the next value, which is an integer of 0 or more."""
        encoded = self.read(_INTEGER)
        if (
            not encoded
            or encoded[0] & 0x80
            or (encoded[0] == 0 and encoded[1:2] < b"\x80" and len(encoded) > 1)
        ):
            raise BadInput("not in DER: an integer")
        return int.from_bytes(encoded, "big")

    def end(self) -> None:
        """Raise BadInput unless that was all."""
        if self._rest:
            raise BadInput("not in DER: bytes follow")
