"""How much memory a process holds at its largest, while something happens. Linux only."""

from __future__ import annotations

from benchmarks.processes import Sampler, resident

_SAMPLE_SECONDS = 0.05


class Peak(Sampler):
    """The largest resident memory of the process *pid* inside a ``with`` block, in ``bytes``."""

    def __init__(self, pid: int) -> None:
        super().__init__(_SAMPLE_SECONDS)
        self._pid = pid
        self.bytes = resident(pid)

    def sample(self) -> None:
        """Look at the process; one that has ended holds nothing."""
        self.bytes = max(self.bytes, resident(self._pid))
