"""Run a command's coroutine in an event loop that no interrupt catches half made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

import anyio

from webrtc_direct.cli.interrupt import interrupts_held

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


def run(function: Callable[[Unpack[Arguments]], Awaitable[T]], *arguments: *Arguments) -> T:
    """Do what ``anyio.run`` does with *function* and its *arguments*."""
    return anyio.run(function, *arguments, backend_options={"loop_factory": _new_loop})


def _new_loop() -> asyncio.AbstractEventLoop:
    # One that KeyboardInterrupt leaves half made says so on stderr when it is thrown away.
    with interrupts_held():
        return asyncio.new_event_loop()
