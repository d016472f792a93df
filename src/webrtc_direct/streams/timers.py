"""Tasks of one connection that end with it: timers of its bounds, and what runs in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct.runtime.outside_tasks import Starter

_Argument = TypeVar("_Argument")


class Timers:
    """They are tasks of *starter*, and run only while one is due."""

    __slots__ = ("_background", "_ended", "_starter", "_timers")

    def __init__(self, starter: Starter) -> None:
        self._starter = starter
        # A few at most; an empty list takes a quarter of an empty set's memory.
        self._timers: list[anyio.CancelScope] = []
        self._background: list[anyio.CancelScope] = []
        self._ended = False

    def start(self, timer: Callable[[], Awaitable[None]], *, name: str) -> None:
        """Run *timer* in a task until it returns, or the connection ends."""
        self._starter.start_soon(self._run, timer, name=f"webrtc_direct {name}")

    async def run_until_end(
        self, background: Callable[[_Argument], Awaitable[None]], argument: _Argument
    ) -> None:
        """Run *background* until the connection ends, or ``stop_background``."""
        if self._ended:
            return
        with anyio.CancelScope() as scope:
            self._background.append(scope)
            try:
                await background(argument)
            finally:
                self._background.remove(scope)

    def stop_background(self) -> None:
        """Cancel what ``run_until_end`` runs."""
        for scope in self._background:
            scope.cancel()

    def end(self) -> None:
        """Cancel everything: the connection has ended."""
        self._ended = True
        for timer in self._timers:
            timer.cancel()
        self.stop_background()

    async def _run(self, timer: Callable[[], Awaitable[None]]) -> None:
        if self._ended:
            return
        with anyio.CancelScope() as scope:
            self._timers.append(scope)
            try:
                await timer()
            finally:
                self._timers.remove(scope)
