"""What streams carry where both ends know every byte: the Python half of ``go/content.go``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webrtc_direct import Stream

# A prime: no frame, packet, window or buffer divides it, so bytes that are lost, repeated,
# swapped or shifted do not compare equal.
BLOCK_SIZE = 1048573
_CHUNK_SIZE = 256 * 1024


class WrongContent(Exception):
    """A stream carried other bytes than it should have."""


class Content:
    """A block of SHAKE-128 output, made from a *seed* and a *direction*, repeated."""

    def __init__(self, seed: int, direction: bytes) -> None:
        block = hashlib.shake_128(seed.to_bytes(8, "big") + direction).digest(BLOCK_SIZE)
        # Followed by its own first bytes, so that a chunk never wraps.
        self._block = block + block[:_CHUNK_SIZE]

    async def send(self, stream: Stream, size: int) -> None:
        """Write the first *size* bytes of the content."""
        for offset in range(0, size, _CHUNK_SIZE):
            await stream.write(self._at(offset, min(_CHUNK_SIZE, size - offset)))

    async def receive(self, stream: Stream, size: int) -> None:
        """Read up to FIN.

        Raises:
            WrongContent: anything else than the first *size* bytes of the content arrived.
        """
        received = 0
        while data := await stream.read(_CHUNK_SIZE):
            if data != self._at(received, len(data)):
                raise WrongContent(f"wrong bytes between {received} and {received + len(data)}")
            received += len(data)
        if received != size:
            raise WrongContent(f"FIN after {received} bytes instead of {size}")

    def _at(self, offset: int, size: int) -> bytes:
        start = offset % BLOCK_SIZE
        return self._block[start : start + size]
