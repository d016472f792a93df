"""What a relay does to datagrams: settings, and the dice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Probabilities for each datagram, and times in seconds; the same in both directions."""

    loss: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    """One byte is changed."""
    delay: float = 0.0
    """Added to each datagram."""
    jitter: float = 0.0
    """Added at random, from nothing to this."""
    reorder: float = 0.0
    """Held back by ``held_back``, so that those behind it overtake it."""
    held_back: float = 0.005

    def copies(self, datagram: bytes, random: Random) -> list[tuple[float, bytes]]:
        """Return what becomes of *datagram*: nothing, it, or more, each with its delay."""
        if self.loss and random.random() < self.loss:
            return []
        if self.corrupt and random.random() < self.corrupt:
            datagram = corrupted(datagram, random)
        copies = [(self._delay(random), datagram)]
        if self.duplicate and random.random() < self.duplicate:
            copies.append((self._delay(random), datagram))
        return copies

    def _delay(self, random: Random) -> float:
        delay = self.delay
        if self.jitter:
            delay += random.random() * self.jitter
        if self.reorder and random.random() < self.reorder:
            delay += self.held_back
        return delay


def corrupted(datagram: bytes, random: Random) -> bytes:
    """Return *datagram* with one byte changed."""
    if not datagram:
        return datagram
    changed = bytearray(datagram)
    changed[random.randrange(len(changed))] ^= random.randrange(1, 256)
    return bytes(changed)


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Something that happens once, after so many bytes have passed in both directions together."""

    after_bytes: int
    blackout: float = 0.0
    """Nothing passes for so many seconds."""
    rebind: bool = False
    """The listener sees the dialer at another port from then on, as behind a NAT that forgot it."""
