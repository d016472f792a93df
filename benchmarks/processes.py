"""What the kernel says about a process: CPU time, resident memory, descriptors. Linux only.

It knows processes by their ids and nothing of what they do.
"""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat behind the command's name (proc(5) counts from 1 and from the id).
_PARENT, _USER_TICKS, _SYSTEM_TICKS = 1, 11, 12
_SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Footprint:
    """What a process holds: resident memory and open descriptors."""

    rss_bytes: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return that of the process *pid*, now."""
        return cls(resident(pid), len(os.listdir(_PROC / str(pid) / "fd")))


def resident(pid: int) -> int:
    """Return the resident memory of the process *pid* in bytes; 0 if it has ended."""
    return _memory(pid, "VmRSS:")


def peak_resident(pid: int) -> int:
    """Return the largest resident memory that the process *pid* ever had.

    ``getrusage`` is no use for that: its figure begins with what the process held that started this one.
    """
    return _memory(pid, "VmHWM:")


def _memory(pid: int, field: str) -> int:
    try:
        status = (_PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    kib = (line.split()[1] for line in status.splitlines() if line.startswith(field))
    return int(next(kib, "0")) * 1024


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of the process *pid* so far, in user space and in the kernel."""
    fields = _stat(pid)
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS


def children() -> set[int]:
    """Return the ids of the processes that this one started."""
    found = set()
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            try:
                if int(_stat(int(entry.name))[_PARENT]) == os.getpid():
                    found.add(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


class Sampler(ABC):
    """Samples again and again, in a thread of its own, inside a ``with`` block."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @abstractmethod
    def sample(self) -> None:
        """Take one sample; called every *seconds*."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self.sample()


class Peak(Sampler):
    """The largest footprint of the process *pid* inside a ``with`` block."""

    def __init__(self, pid: int) -> None:
        super().__init__(_SAMPLE_SECONDS)
        self._pid = pid
        self.footprint = Footprint(0, 0)

    def sample(self) -> None:
        """Look at the process."""
        now, largest = Footprint.of(self._pid), self.footprint
        self.footprint = Footprint(
            max(now.rss_bytes, largest.rss_bytes), max(now.descriptors, largest.descriptors)
        )


def settled(pid: int, *, quiet: float, at_most: float) -> Footprint:
    """Return the footprint of the process *pid* once it was idle for *quiet* seconds, or after *at_most*."""
    deadline = time.monotonic() + at_most
    while True:
        before = cpu_seconds(pid)
        time.sleep(quiet)
        if cpu_seconds(pid) - before < 2 / _TICKS or time.monotonic() > deadline:
            return Footprint.of(pid)


def _stat(pid: int) -> list[str]:
    # The name stands in parentheses and may hold spaces and parentheses itself.
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
