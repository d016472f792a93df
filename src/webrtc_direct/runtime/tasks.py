"""Task groups whose single exception comes out as itself."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anyio.abc import TaskGroup


@asynccontextmanager
async def task_group() -> AsyncIterator[TaskGroup]:
    """A task group that users of the package need not know of.

    Exactly one exception, from the body or from a task, is raised as it is; several are
    raised as a group.
    """
    lone: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        lone = group.exceptions[0]
    if lone is not None:
        try:
            # Raised here and not above, so that the group does not become its context.
            raise lone
        finally:
            # A local variable that holds the exception would be a reference cycle.
            del lone
