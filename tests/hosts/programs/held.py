"""A connection kept beyond one task: a task of its own holds it, and whoever has it uses it.

A console's statements, a notebook's cells, and some fixtures' two halves are tasks of their own. The block of
an `async with` begins and ends in one task, so they leave it to a task that does nothing else.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """`held = Held(webrtc_direct.dial(address))`, `connection = await held.enter()`, `await held.leave()`."""

    def __init__(self, manager: AbstractAsyncContextManager[T]) -> None:
        self._manager = manager
        self._leave = asyncio.Event()

    async def enter(self) -> T:
        """Return what the block gives, or raise what it raised."""
        self._entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold())
        try:
            await asyncio.wait({self._task, self._entered}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if not self._entered.done():
            await self._task
        return await self._entered

    async def leave(self) -> None:
        """End the block."""
        self._leave.set()
        await self._task

    async def _hold(self) -> None:
        async with self._manager as value:
            self._entered.set_result(value)
            await self._leave.wait()
