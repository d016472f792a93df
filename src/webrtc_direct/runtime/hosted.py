"""Blocks that may be entered in one task and left in another: on asyncio, a task of their own holds them.

A task group that is open across the user's ``yield`` or between ``__aenter__`` and ``__aexit__`` has to be
left by the task that entered it, the newest first; otherwise who entered it is cancelled. Fixtures, cells
of notebooks and abandoned generators cannot keep to that. So what ``dial`` and ``listen`` open is entered
and left by a host task, and the user's task has nothing of it around itself.

trio has no task that may outlive the one that wants it and still fail with it: there the user's task holds
the block itself (``nested.py``). So it does in a page, where each turn of the event loop takes its time.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import wraps
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

import anyio

from webrtc_direct.errors import LocalProtocolError
from webrtc_direct.runtime.environment import IN_BROWSER
from webrtc_direct.runtime.nested import Closable, Nested
from webrtc_direct.runtime.outside_tasks import asyncio_loop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

P = ParamSpec("P")
C = TypeVar("C", bound=Closable)

_RUNNING: set[asyncio.Task[None]] = set()
_HOST_CANCELLED = "somebody cancelled the task that holds the block of dial or listen"


def hosted(function: Callable[P, AsyncIterator[C]]) -> Callable[P, AbstractAsyncContextManager[C]]:
    """Make of an async generator *function* what ``asynccontextmanager`` makes of it, held by a host."""
    manager = asynccontextmanager(function)

    @wraps(function)
    def make(*arguments: P.args, **options: P.kwargs) -> AbstractAsyncContextManager[C]:
        return _Hosted(manager(*arguments, **options), function.__name__)

    return make


class _Hosted(AbstractAsyncContextManager[C]):
    """*manager*, entered and left by a host task wherever that is possible."""

    def __init__(self, manager: AbstractAsyncContextManager[C], name: str) -> None:
        self._manager = manager
        self._name = name
        self._block: _Host[C] | Nested[C] | None = None

    async def __aenter__(self) -> C:
        if IN_BROWSER or asyncio_loop() is None:
            self._block = Nested(self._manager)
        else:
            self._block = _Host(self._manager, self._name)
        return await self._block.enter()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if self._block is None:
            raise LocalProtocolError("the block of dial or listen was not entered")
        return await self._block.leave(kind, error, traceback)


class _Host(Generic[C]):
    """A task that enters *manager*, waits, and leaves it."""

    def __init__(self, manager: AbstractAsyncContextManager[C], name: str) -> None:
        self._manager = manager
        self._owner = asyncio.current_task()
        self._entered: asyncio.Future[C] = asyncio.get_running_loop().create_future()
        self._left = asyncio.Event()
        self._body_error: BaseException | None = None
        self._error: BaseException | None = None
        self._owner_cancelled = False
        self._scope = anyio.CancelScope()
        self._task = asyncio.create_task(self._run(), name=f"webrtc_direct {name}")
        # The event loop alone would not keep it.
        _RUNNING.add(self._task)
        self._task.add_done_callback(_RUNNING.discard)

    async def enter(self) -> C:
        """Return what the block gives, or raise what entering it raised."""
        await self._wait_for(self._entered)
        if not self._entered.done():
            self._raise()
            raise LocalProtocolError(_HOST_CANCELLED)
        self._task.add_done_callback(self._ended)
        return self._entered.result()

    async def leave(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Leave the block, by *error* if it is one. Raises what came of that, if it is another one."""
        self._task.remove_done_callback(self._ended)
        if self._owner_cancelled and self._owner is not None and self._owner is asyncio.current_task():
            self._owner.uncancel()
        self._body_error = error
        # A local variable that holds an error would be a reference cycle.
        del error
        self._left.set()
        await self._wait_for(self._task)
        self._body_error = None
        self._raise()

    async def _run(self) -> None:
        try:
            with self._scope:
                self._entered.set_result(await self._manager.__aenter__())
                try:
                    await self._left.wait()
                except BaseException as error:
                    # A task of the block failed, or the event loop ends.
                    if not await self._manager.__aexit__(type(error), error, error.__traceback__):
                        raise
                else:
                    await self._exit()
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whoever waits for this task raises it
            self._error = error

    async def _exit(self) -> None:
        error = self._body_error
        try:
            if error is None:
                await self._manager.__aexit__(None, None, None)
            else:
                await self._manager.__aexit__(type(error), error, error.__traceback__)
        finally:
            del error

    async def _wait_for(self, something: asyncio.Future[C] | asyncio.Task[None]) -> None:
        """Return when *something* or the host has ended; when this is cancelled, so is the host."""
        try:
            await asyncio.wait([something, self._task], return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            self._scope.cancel()
            with anyio.CancelScope(shield=True):
                while not self._task.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([self._task])
            raise

    def _ended(self, _task: asyncio.Task[None]) -> None:
        """Where the block failed, its body must not go on: as with a task group of asyncio."""
        if self._error is not None and self._owner is not None:
            self._owner_cancelled = self._owner.cancel()

    def _raise(self) -> None:
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            # A local variable that holds the exception would be a reference cycle.
            del error
