"""What may be used where no task runs: in callbacks of an event loop, of the engine, of a page.

asyncio, uvicorn or Jupyter run such callbacks with nothing around them that names the event loop, so
whatever looks for the current task fails there: ``anyio.current_time()`` and the ``start_soon`` of a
task group do, and ``anyio.Event()`` makes something else than in a task. What comes from here works in
both places, and nothing else in the package asks anyio for these (``tests/unit/test_outside_tasks.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import checkpoint

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

Task = Callable[..., Coroutine[Any, Any, object]]
Clock = Callable[[], float]
"""Seconds on the clock that ``anyio.sleep_until`` goes by."""
ThreadLimiter = anyio.CapacityLimiter
"""What ``thread_limiter`` returns."""


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of this task, if it is one of asyncio. To be called in a task."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    # Without a task this is trio as a guest of asyncio's loop.
    return None if task is None else task.get_loop()


def clock() -> Clock:
    """Return the clock of this task's event loop, which may be read anywhere. To be called in a task."""
    loop = asyncio_loop()
    # trio runs nothing of this package outside of tasks.
    return anyio.current_time if loop is None else loop.time


def is_cancelled() -> bool:
    """Say whether somebody cancels this task by a scope around it. True where no task runs any more."""
    try:
        return anyio.get_current_task().has_pending_cancellation()
    except RuntimeError:
        return True


def task_id() -> int:
    """Return what tells this task from others that run now. To be called in a task."""
    return anyio.get_current_task().id


def thread_limiter(count: int) -> ThreadLimiter:
    """Return what lets *count* threads run at once. To be called in a task."""
    return ThreadLimiter(count)


class Signal:
    """An event: once it is set, all who wait for it go on. May be made and set anywhere."""

    __slots__ = ("_event", "_set")

    def __init__(self) -> None:
        self._set = False
        # There only once somebody waits, who does so in a task.
        self._event: anyio.Event | None = None

    def set(self) -> None:
        """Let those go on who wait, and who will."""
        self._set = True
        if self._event is not None:
            self._event.set()

    def is_set(self) -> bool:
        """Say whether it is set."""
        return self._set

    async def wait(self) -> None:
        """Return once it is set."""
        if self._set:
            await checkpoint()
            return
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()


class Starter:
    """Starts tasks of a group. They may be asked for anywhere; ``start_due`` starts them, in a task."""

    __slots__ = ("_changed", "_due", "_tasks", "has_stopped")

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        # A deque would take ten times the memory, in each connection; this is empty most of the time.
        self._due: list[tuple[Task, tuple[Any, ...], str]] = []
        self._changed = Signal()
        self.has_stopped: bool = False

    def start_soon(self, function: Task, *arguments: object, name: str) -> None:
        """Let a task run *function* with *arguments*. After ``stop`` this does nothing."""
        if not self.has_stopped:
            self._due.append((function, arguments, name))
            self._changed.set()

    def wake(self) -> None:
        """Let ``wait`` return."""
        self._changed.set()

    def stop(self) -> None:
        """Start no more."""
        self.has_stopped = True
        self._due.clear()
        self._changed.set()

    async def wait(self) -> None:
        """Return once tasks are asked for, or after ``wake`` or ``stop``."""
        await self._changed.wait()
        self._changed = Signal()

    def start_due(self) -> None:
        """Start what was asked for."""
        if self._due:
            # What is started now needs no further turn of ``wait``.
            self._changed = Signal()
        due, self._due = self._due, []
        for function, arguments, name in due:
            self._tasks.start_soon(function, *arguments, name=name)
