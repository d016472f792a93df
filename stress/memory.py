"""How much memory a process holds at its largest, while something happens. Linux only."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_SAMPLE_SECONDS = 0.05


def resident(pid: int) -> int:
    """Return the resident memory of the process *pid* in bytes; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    kib = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(next(kib, "0")) * 1024


class Peak:
    """The largest resident memory of the process *pid* inside a ``with`` block, in ``bytes``."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = resident(pid)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            self.bytes = max(self.bytes, resident(self._pid))
