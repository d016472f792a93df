"""ChaCha20-Poly1305 (RFC 8439) in Python, for the short messages of a handshake."""

from __future__ import annotations

import hmac
import struct

TAG_SIZE = 16

_MASK = 0xFFFFFFFF
_BLOCK = 64
# "expand 32-byte k"
_CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_ROUNDS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def encrypt(key: bytes, nonce: bytes, plaintext: bytes, data: bytes) -> bytes:
    """Return the ciphertext with its tag."""
    ciphertext = _xor(key, nonce, plaintext)
    return ciphertext + _tag(key, nonce, ciphertext, data)


def decrypt(key: bytes, nonce: bytes, ciphertext: bytes, data: bytes) -> bytes | None:
    """Return the plaintext, or ``None`` where anything was changed."""
    ciphertext, tag = ciphertext[:-TAG_SIZE], ciphertext[-TAG_SIZE:]
    if not hmac.compare_digest(tag, _tag(key, nonce, ciphertext, data)):
        return None
    return _xor(key, nonce, ciphertext)


def _xor(key: bytes, nonce: bytes, data: bytes) -> bytes:
    blocks = range(1, 1 + -(-len(data) // _BLOCK))
    stream = b"".join(_block(key, nonce, counter) for counter in blocks)
    return bytes(a ^ b for a, b in zip(data, stream, strict=False))


def _block(key: bytes, nonce: bytes, counter: int) -> bytes:
    initial = (*_CONSTANTS, *struct.unpack("<8L", key), counter, *struct.unpack("<3L", nonce))
    state = list(initial)
    for _ in range(10):
        for a, b, c, d in _ROUNDS:
            state[a] = state[a] + state[b] & _MASK
            x = state[d] ^ state[a]
            state[d] = (x << 16 | x >> 16) & _MASK
            state[c] = state[c] + state[d] & _MASK
            x = state[b] ^ state[c]
            state[b] = (x << 12 | x >> 20) & _MASK
            state[a] = state[a] + state[b] & _MASK
            x = state[d] ^ state[a]
            state[d] = (x << 8 | x >> 24) & _MASK
            state[c] = state[c] + state[d] & _MASK
            x = state[b] ^ state[c]
            state[b] = (x << 7 | x >> 25) & _MASK
    return struct.pack("<16L", *(a + b & _MASK for a, b in zip(state, initial, strict=True)))


def _tag(key: bytes, nonce: bytes, ciphertext: bytes, data: bytes) -> bytes:
    one_time = _block(key, nonce, 0)
    r, s = int.from_bytes(one_time[:16], "little") & _CLAMP, int.from_bytes(one_time[16:32], "little")
    padded = data + bytes(-len(data) % 16) + ciphertext + bytes(-len(ciphertext) % 16)
    padded += struct.pack("<QQ", len(data), len(ciphertext))
    total = 0
    for start in range(0, len(padded), 16):
        total = (total + int.from_bytes(padded[start : start + 16] + b"\x01", "little")) * r % _PRIME
    return (total + s & (1 << 128) - 1).to_bytes(TAG_SIZE, "little")
