"""Blocks that the user's own task holds: each is left by the task that entered it, the newest first.

Where somebody asks for another order, or in another task, what the block gave is closed at once, and the
block itself is left as soon as its task may: when it leaves or enters another one. Nobody is cancelled.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import anyio

from webrtc_direct.errors import LocalProtocolError
from webrtc_direct.runtime.outside_tasks import task_id

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType


class Closable(Protocol):
    """What a block gives."""

    async def aclose(self) -> None:
        """Close it; at once, where that is cancelled."""


C = TypeVar("C", bound=Closable)

# The task, and its open blocks, the newest last.
_BLOCKS: ContextVar[tuple[int, list[Nested[Closable]]]] = ContextVar("_BLOCKS")

_LEFT_ELSEWHERE = (
    "a block of dial or listen was left in another task than it was entered in; "
    "enter and leave it in one task, which others may use the connection beside"
)


def _blocks_of_this_task() -> list[Nested[Closable]]:
    # A new task inherits the variable.
    task, blocks = _BLOCKS.get((0, []))
    if task != task_id():
        blocks = []
        _BLOCKS.set((task_id(), blocks))
    return blocks


class Nested(Generic[C]):
    """*manager*, among the blocks of one task."""

    def __init__(self, manager: AbstractAsyncContextManager[C]) -> None:
        self._manager = manager
        self._value: C | None = None
        self._task = 0
        self._blocks: list[Nested[Closable]] = []
        self._due = False

    async def enter(self) -> C:
        """Enter the block."""
        self._task, self._blocks = task_id(), _blocks_of_this_task()
        await self._leave_what_is_due()
        self._value = value = await self._manager.__aenter__()
        self._blocks.append(self)  # type: ignore[arg-type]
        return value

    async def leave(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """Leave the block, or close what it gave where it cannot be left yet.

        Raises:
            LocalProtocolError: this is another task than the one that entered it.
        """
        value, self._value = self._value, None
        elsewhere = self._task != task_id()
        if elsewhere or self._blocks[-1] is not self:
            self._due = True
            if value is not None:
                with anyio.CancelScope() as scope:
                    if elsewhere or error is not None:
                        scope.cancel()
                    await value.aclose()
            if elsewhere:
                raise LocalProtocolError(_LEFT_ELSEWHERE)
            return None
        self._blocks.pop()
        del value
        try:
            return await self._manager.__aexit__(kind, error, traceback)
        finally:
            del error, traceback
            await self._leave_what_is_due()

    async def _leave_what_is_due(self) -> None:
        while self._blocks and self._blocks[-1]._due:  # noqa: SLF001 - of this class
            await self._blocks.pop()._manager.__aexit__(None, None, None)  # noqa: SLF001 - of this class
