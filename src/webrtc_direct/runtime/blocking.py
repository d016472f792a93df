"""What may block, such as a file: in a thread, so that the event loop goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from anyio.lowlevel import checkpoint
from anyio.to_thread import run_sync

from webrtc_direct.runtime.environment import IN_BROWSER

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def blocking(function: Callable[[], T]) -> T:
    """Return what *function* returns. A page has no threads, and its files are in its memory."""
    if IN_BROWSER:
        await checkpoint()
        return function()
    return await run_sync(function)
