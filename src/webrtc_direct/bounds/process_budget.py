"""What all connections of the process have together: unread and unsent bytes, streams.

It knows nothing of streams: whoever counts here decides what to do when a total is at its bound.
"""

from __future__ import annotations

from threading import Lock


class ProcessBudget:
    """A total that every event loop of the process counts in."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._total = 0

    @property
    def total(self) -> int:
        """How much there is now."""
        return self._total

    def add(self, count: int) -> int:
        """Count *count* more, or fewer where it is negative; returns the total."""
        with self._lock:
            self._total += count
            return self._total


class Share:
    """What one connection has of a total, which learns of it in steps of *step*."""

    __slots__ = ("_budget", "_has_ended", "_step", "_told", "count")

    def __init__(self, budget: ProcessBudget, *, step: int = 1) -> None:
        self.count: int = 0
        self._budget = budget
        self._step = step
        self._told = 0
        self._has_ended = False

    def add(self, count: int) -> None:
        """Have *count* more of it, or less where it is negative."""
        self.count += count
        change = self.count - self._told
        if not -self._step < change < self._step and not self._has_ended:
            self._told = self.count
            self._budget.add(change)

    def end(self) -> None:
        """Give all of it back. Whatever is added later does not count."""
        self._has_ended = True
        self._budget.add(-self._told)
        self._told = 0

    def may_grow(self, most: int) -> bool:
        """Say whether there may be one more here, where there may be *most* in all.

        A connection may have as many as are left for others. However many connections take what they can,
        there is room for one that has less.
        """
        return self.count < self.left(most)

    def left(self, most: int) -> int:
        """Return how many of *most* nobody has."""
        return most - self._budget.total


PROCESS_BUDGET = ProcessBudget()
"""The unread bytes of this process."""
PROCESS_STREAMS = ProcessBudget()
"""The streams of this process."""
PROCESS_PENDING_STREAMS = ProcessBudget()
"""Those that peers have opened, until the ends agree on the protocol."""
PROCESS_UNSENT_BYTES = ProcessBudget()
"""What is written and has not left."""
