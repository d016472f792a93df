"""What the channels of one connection may still send, together, and which of them wait for more.

Both are in one object, so that nothing can be given back without a word to those who wait for it.
"""

from __future__ import annotations

from typing import Protocol

from webrtc_direct.bounds.process_budget import PROCESS_UNSENT_BYTES, Share

# A connection may have so many bytes unsent whatever the others have.
_OWN = 32 * 1024
# Most messages are far smaller, and the total has a lock.
_STEP = 16 * 1024


class Writer(Protocol):
    """A channel, as the credit knows it."""

    def tell_writable(self) -> None:
        """There is credit again."""


class SendCredit:
    """*limit* bytes, of which some are used."""

    __slots__ = ("_limit", "_waiting", "used")

    def __init__(self, limit: int) -> None:
        self.used: int = 0
        """How many bytes the channels were given to send, and have not sent yet."""
        self._limit = limit
        # A dict has an order: who waits longest is told first.
        self._waiting: dict[Writer, None] = {}

    @property
    def left(self) -> int:
        """How many bytes may be sent now; less than 0 after flags that went beyond the limit."""
        return self._limit - self.used

    def room(self, writer: Writer) -> int:
        """Return how much may be sent; where that is nothing, *writer* is told once it is something."""
        left = self.left
        if left <= 0:
            self._waiting[writer] = None
        return left

    def take(self, count: int) -> None:
        """So many bytes more are to be sent."""
        self.used += count

    def give_back(self, count: int) -> None:
        """So many bytes are sent, or thrown away."""
        self.used -= count
        if self._waiting and self.left > 0:
            waiting, self._waiting = self._waiting, {}
            for writer in waiting:
                writer.tell_writable()

    def leave(self, writer: Writer, unsent: int) -> None:
        """*writer* has ended, and *unsent* bytes of it are thrown away."""
        self._waiting.pop(writer, None)
        self.give_back(unsent)


class SharedSendCredit(SendCredit):
    """A connection's credit where all connections of the process have *most* bytes together.

    A connection may have as many unsent as are left for others, and always some of its own: when these
    have left, its writers go on, whatever the others do.
    """

    __slots__ = ("_most", "_share")

    def __init__(self, limit: int, most: int) -> None:
        super().__init__(limit)
        self._share = Share(PROCESS_UNSENT_BYTES, step=_STEP)
        self._most = most

    @property
    def left(self) -> int:
        """How many bytes may be sent now."""
        return min(self._limit, max(_OWN, self._share.left(self._most))) - self.used

    def take(self, count: int) -> None:
        """So many bytes more are to be sent."""
        super().take(count)
        self._share.add(count)

    def give_back(self, count: int) -> None:
        """So many bytes are sent, or thrown away."""
        self._share.add(-count)
        super().give_back(count)

    def end(self) -> None:
        """The connection has ended, and has nothing to send any more."""
        self._share.end()
