"""Received and unread bytes of all connections of the process, together.

It knows nothing of streams: whoever counts here decides what to do when the total is at its bound.
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
        """How many bytes are unread now."""
        return self._total

    def add(self, count: int) -> int:
        """Count *count* more unread bytes, or fewer where it is negative; returns the total."""
        with self._lock:
            self._total += count
            return self._total


PROCESS_BUDGET = ProcessBudget()
"""The one of this process."""
