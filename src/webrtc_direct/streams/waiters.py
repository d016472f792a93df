"""Places where tasks wait until they are woken; then they look again at what they wait for."""

from __future__ import annotations

from anyio.lowlevel import checkpoint_if_cancelled

from webrtc_direct.errors import StreamBusy
from webrtc_direct.runtime.outside_tasks import Signal


class SoleWaiter:
    """A stream has one for who reads, and one for who writes."""

    __slots__ = ("_problem", "_signal")

    def __init__(self, problem: str) -> None:
        self._problem = problem
        # There only while somebody waits.
        self._signal: Signal | None = None

    def require_free(self) -> None:
        """Raise StreamBusy if a task waits here."""
        if self._signal is not None:
            raise StreamBusy(self._problem)

    async def wait(self) -> None:
        """Wait until ``wake``. Raises StreamBusy if another task does."""
        self.require_free()
        self._signal = Signal()
        try:
            await self._signal.wait()
            await checkpoint_if_cancelled()  # What ends the connection may be the same cancellation.
        finally:
            self._signal = None

    def wake(self) -> None:
        """Let the task that waits, if one does, look again."""
        if self._signal is not None:
            self._signal.set()


class Waiters:
    """A place for any number of tasks."""

    __slots__ = ("_signal",)

    def __init__(self) -> None:
        # There only while somebody waits.
        self._signal: Signal | None = None

    async def wait(self) -> None:
        """Wait until ``wake``."""
        if self._signal is None:
            self._signal = Signal()
        await self._signal.wait()
        await checkpoint_if_cancelled()

    def wake(self) -> None:
        """Let all go on that wait now."""
        signal, self._signal = self._signal, None
        if signal is not None:
            signal.set()
