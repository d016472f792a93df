"""Run a command's coroutine in an event loop that no interrupt catches half made."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

import anyio

from webrtc_direct.cli.interrupt import interrupts_held

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


def run(function: Callable[[Unpack[Arguments]], Awaitable[T]], *arguments: *Arguments) -> T:
    """Do what ``anyio.run`` does with *function* and its *arguments*."""
    with ExitStack() as starting:
        # anyio loads most of itself first, and imports can turn KeyboardInterrupt into another exception.
        # A loop that it leaves half made says so on stderr when it is thrown away.
        starting.enter_context(interrupts_held())

        def new_loop() -> asyncio.AbstractEventLoop:
            loop = asyncio.new_event_loop()
            starting.close()
            return loop

        return anyio.run(function, *arguments, backend_options={"loop_factory": new_loop})
