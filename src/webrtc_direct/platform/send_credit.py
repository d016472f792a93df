"""What the channels of one connection may still send, together, and which of them wait for more.

Both are in one object, so that nothing can be given back without a word to those who wait for it.
"""

from __future__ import annotations

from typing import Protocol


class Writer(Protocol):
    """A channel, as the credit knows it."""

    def tell_writable(self) -> None:
        """There is credit again."""


class SendCredit:
    """*limit* bytes, of which some are not sent yet."""

    __slots__ = ("_limit", "_waiting", "left")

    def __init__(self, limit: int) -> None:
        self.left = limit
        """How many bytes may be sent now; less than 0 after flags that went beyond the limit."""
        self._limit = limit
        # A dict has an order: who waits longest is told first.
        self._waiting: dict[Writer, None] = {}

    @property
    def used(self) -> int:
        """How many bytes are not sent yet."""
        return self._limit - self.left

    def room(self, writer: Writer) -> int:
        """Return how much may be sent; where that is nothing, *writer* is told once it is something."""
        left = self.left
        if left <= 0:
            self._waiting[writer] = None
        return left

    def take(self, count: int) -> None:
        """So many bytes more are to be sent."""
        self.left -= count

    def give_back(self, count: int) -> None:
        """So many bytes are sent, or thrown away."""
        self.left += count
        if self._waiting and self.left > 0:
            waiting, self._waiting = self._waiting, {}
            for writer in waiting:
                writer.tell_writable()

    def leave(self, writer: Writer, unsent: int) -> None:
        """*writer* has ended, and *unsent* bytes of it are thrown away."""
        self._waiting.pop(writer, None)
        self.give_back(unsent)
