"""Several ways to the same thing: the first that succeeds wins, as RFC 8305 ("Happy Eyeballs") has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import anyio

from webrtc_direct.errors import CannotSend, HandshakeTimeout, WebRtcDirectError
from webrtc_direct.runtime.outside_tasks import Signal
from webrtc_direct.runtime.tasks import task_group

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

T = TypeVar("T")
R = TypeVar("R")

NEXT_AFTER = 0.25
"""RFC 8305 section 5, "Connection Attempt Delay"."""


class _Runner:
    """One attempt."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.over = Signal()
        """It has won, or failed."""


class Race(Generic[T, R]):
    """Tries to *reach* targets: each begins ``NEXT_AFTER`` seconds after the one before, or when that failed.

    *reach* gets a task group, in which what it gives may run tasks, and one target. When it is cancelled it
    leaves nothing behind, and what it does is bounded in time; no target is begun after *seconds*.
    *give_back* undoes what came too late.
    """

    def __init__(
        self, reach: Callable[[TaskGroup, T], Awaitable[R]], *, seconds: float, give_back: Callable[[R], None]
    ) -> None:
        self._reach = reach
        self._seconds = seconds
        self._give_back = give_back
        self._runners: list[_Runner] = []
        self._winner: _Runner | None = None
        # Its result, until that is returned.
        self._won: list[R] = []
        self._errors: dict[int, WebRtcDirectError | OSError] = {}
        self._all_begun = False
        self._over = Signal()

    async def run(self, targets: Sequence[T], tasks: TaskGroup) -> R:
        """Return what the first target gives. The tasks of *tasks* hold it.

        Raises:
            WebRtcDirectError, OSError: of all that failed, the one that says most.
        """
        try:
            with anyio.move_on_after(self._seconds):
                for number, target in enumerate(targets):
                    runner = _Runner()
                    self._runners.append(runner)
                    tasks.start_soon(self._run, number, target, name="webrtc_direct attempt")
                    with anyio.move_on_after(NEXT_AFTER):
                        await runner.over.wait()
                    if self._won:
                        break
            self._all_begun = True
            self._end_where_all_failed()
            await self._over.wait()
        except BaseException:
            self._stop(None)
            while self._won:
                self._give_back(self._won.pop())
            raise
        if not self._won:
            self._fail()
        return self._won.pop()

    async def _run(self, number: int, target: T) -> None:
        runner = self._runners[number]
        with runner.scope:
            try:
                async with task_group() as tasks:
                    result = await self._reach(tasks, target)
                    if self._winner is None:
                        self._winner = runner
                        self._won.append(result)
                        self._stop(runner)
                    else:
                        self._give_back(result)
                    del result
                return
            except (WebRtcDirectError, OSError) as error:
                if self._winner is runner:
                    raise
                self._errors[number] = error
        runner.over.set()
        self._end_where_all_failed()

    def _end_where_all_failed(self) -> None:
        if self._all_begun and len(self._errors) == len(self._runners):
            self._over.set()

    def _stop(self, winner: _Runner | None) -> None:
        for runner in self._runners:
            if runner is not winner:
                runner.scope.cancel()
            runner.over.set()
        self._over.set()

    def _fail(self) -> NoReturn:
        errors = [self._errors.pop(number) for number in sorted(self._errors)]
        error = min(errors, key=_says_little)
        for text in [str(other) for other in errors if other is not error]:
            error.add_note(f"another address: {text}")
        try:
            raise error
        finally:
            # Local variables that hold an exception would be a reference cycle.
            del error, errors


def _says_little(error: Exception) -> int:
    """Order errors: who is there and wrong says more than silence, and that more than a missing route."""
    if isinstance(error, CannotSend):
        return 2
    return 1 if isinstance(error, HandshakeTimeout) else 0
