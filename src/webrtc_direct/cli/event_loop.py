"""Run a command's coroutine, and end it when a signal says so: its peers are told at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import anyio

from webrtc_direct.cli.ending import Ended, exit_now, signals_call
from webrtc_direct.platform.native import abort_all
from webrtc_direct.runtime.outside_tasks import Signal, asyncio_loop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from types import FrameType

T = TypeVar("T")
P = ParamSpec("P")

# `timeout`, a terminal that closes and service managers tell a process twice within moments.
_TOLD_TWICE = 0.5
# What is cancelled, or asked to end, has so long for it. Longer than any bound of ours, so that what has not
# ended by then waits for something outside, such as the reader of its output.
_CANCELLED_SECONDS = 2.0
_ASKED_SECONDS = 20.0
# Then the engine alone tells the peers, within this.
_ABORT_SECONDS = 0.2


class Told:
    """Whether the command was asked to end, by a signal or by one of its threads."""

    def __init__(self) -> None:
        self._event = Signal()
        self._loop = asyncio_loop()

    async def wait(self) -> None:
        """Return once it was."""
        await self._event.wait()

    def tell(self) -> None:
        """Ask it to end; any thread may."""
        _call(self._loop, self._event.set)


def run(function: Callable[P, Awaitable[T]], *arguments: P.args, **options: P.kwargs) -> T:
    """Do what ``anyio.run`` does with *function*. A signal cancels it, and ``Ended`` is raised."""
    return _Run(asks=False).run(lambda _: function(*arguments, **options))


def run_until_told(
    function: Callable[Concatenate[Told, P], Awaitable[T]], *arguments: P.args, **options: P.kwargs
) -> T:
    """Do the same, and tell *function* of the first signal; a second one cancels it."""
    return _Run(asks=True).run(lambda told: function(told, *arguments, **options))


class _Run:
    """One event loop, and what each signal does to it."""

    def __init__(self, *, asks: bool) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: Told | None = None
        self._scope: anyio.CancelScope | None = None
        self._number = 0
        self._deaf_until = 0.0
        cancel = (self._cancel, _CANCELLED_SECONDS)
        self._steps = deque([(self._ask, _ASKED_SECONDS), cancel] if asks else [cancel])
        self._taken: list[Callable[[], None]] = []

    def run(self, function: Callable[[Told], Awaitable[T]]) -> T:
        """Run *function* in the loop."""

        async def main() -> T | Ended:
            self._told, self._scope = Told(), anyio.CancelScope()
            with self._scope:
                self._loop = asyncio_loop()
                # What a signal asked for before there was anybody to ask.
                for step in self._taken:
                    step()
                return await function(self._told)
            # Not raised here: through an event loop it would come by itself, and leave that in disorder.
            return Ended(self._number)

        with signals_call(self._signal):
            result = anyio.run(main)
        if isinstance(result, Ended):
            raise result
        return result

    def _signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if now < self._deaf_until:
            return
        self._number = self._number or number
        self._deaf_until = now + _TOLD_TWICE
        if not self._steps:
            self._give_up()
        step, seconds = self._steps.popleft()
        self._taken.append(step)
        # It may stand in a write to a pipe that nobody reads, or wait for a thread that does.
        waiting = threading.Timer(seconds, self._give_up)
        waiting.daemon = True
        waiting.start()
        _call(self._loop, step)

    def _give_up(self) -> None:
        abort_all(_ABORT_SECONDS)
        exit_now(self._number, None)

    def _ask(self) -> None:
        if self._told is not None:
            self._told.tell()

    def _cancel(self) -> None:
        if self._scope is not None:
            self._scope.cancel()


def _call(loop: asyncio.AbstractEventLoop | None, step: Callable[[], None]) -> None:
    """Have *loop* call *step*, if it is there."""
    if loop is not None:
        # It is closed where the command has just ended.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(step)
