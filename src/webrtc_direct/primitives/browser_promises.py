"""Promises of JavaScript that need no turn of the page's event loop each.

Pyodide makes a future of every promise that a function returns, and whoever waits for a future goes on some
turns of the loop later. A handshake waits twenty times. What ``begin`` runs goes on as soon as JavaScript
does, and takes turns only for the whole.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import js
from pyodide.ffi import to_js

from webrtc_direct.primitives.common import Begun

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

_Result = TypeVar("_Result")


class Promise:
    """A promise of JavaScript: awaited, any number of times, it gives its value or raises JsException."""

    runs = False
    """Whether what awaits now is a coroutine of ``begin``."""

    def __init__(self, promise: Any) -> None:
        self._promise = promise

    def __await__(self) -> Generator[Any, Any, Any]:
        if Promise.runs:
            return (yield self._promise)
        return (yield from self._promise.__await__())


def method(target: Any, name: str) -> Any:
    """Return a method of *target* that returns a promise, for ``call``."""
    return js.Function.prototype.apply.bind(getattr(target, name), target)


def call(method: Any, *arguments: Any) -> Promise:
    """Call a *method* with *arguments*; bytes and lists among them become JavaScript's."""
    # By way of an array: what stands in one stays a promise.
    return Promise(to_js([arguments]).map(method)[0])


class _Running(Begun[_Result]):
    """A coroutine that runs on as each promise is kept."""

    def __init__(self, coroutine: Coroutine[Any, Any, _Result]) -> None:
        self._coroutine = coroutine
        self._future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._go_on(coroutine.send, None)

    def __await__(self) -> Generator[Any, Any, _Result]:
        try:
            return (yield from self._future.__await__())
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Let it go no further, and nobody ask how it ended."""
        if not self._future.cancel() and not self._future.cancelled():
            self._future.exception()
        self._coroutine.close()

    def _go_on(self, how: Callable[[Any], Any], value: Any) -> None:
        """Let it run until it awaits the next promise."""
        if self._future.done():
            return
        before, Promise.runs = Promise.runs, True
        try:
            promise = how(value)
        except StopIteration as end:
            self._future.set_result(end.value)
        except Exception as error:  # noqa: BLE001 - whoever awaits gets it
            self._future.set_exception(error)
        else:
            coroutine = self._coroutine
            promise.then(partial(self._go_on, coroutine.send), partial(self._go_on, coroutine.throw))
        finally:
            Promise.runs = before


def begin(coroutine: Coroutine[Any, Any, _Result]) -> Begun[_Result]:
    """Begin a *coroutine* that awaits primitives alone."""
    return _Running(coroutine)
