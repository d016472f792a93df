"""Where connections and listeners live: longer than the calls that make them.

py-libp2p gives a transport no task group for what it dials, so each has a system task of trio, as py-libp2p's
own listeners have.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, TypeVar

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger: logging.Logger = logging.getLogger("webrtc_direct.libp2p")

_Value = TypeVar("_Value")


class Home:
    """The tasks of one transport."""

    def __init__(self) -> None:
        self._scopes: set[trio.CancelScope] = set()

    async def start(self, function: Callable[[Callable[[_Value], None]], Awaitable[None]]) -> _Value:
        """Run *function* in the background, until it gives a value; or raise what it raised before.

        Who cancels this cancels *function*, up to then. What it raises later is logged.

        Raises:
            trio.ClosedResourceError: this was closed meanwhile.
        """
        beginning = _Beginning[_Value]()
        scope = trio.CancelScope()

        async def run() -> None:
            """Run it, and let nothing out of the system task."""
            self._scopes.add(scope)
            try:
                with scope:
                    await function(beginning.succeed)
            except Exception as error:
                if beginning.over.is_set():
                    logger.exception("a connection or a listener failed")
                beginning.error = error
            finally:
                self._scopes.discard(scope)
                beginning.over.set()

        trio.lowlevel.spawn_system_task(run, name="webrtc_direct.libp2p")
        try:
            await beginning.over.wait()
        except BaseException:
            scope.cancel()
            raise
        return beginning.result()

    async def close(self) -> None:
        """Cancel what runs here."""
        for scope in self._scopes:
            scope.cancel()
        await trio.lowlevel.checkpoint()


class _Beginning(Generic[_Value]):
    """How a task began."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.error: Exception | None = None
        self._values: list[_Value] = []

    def succeed(self, value: _Value) -> None:
        """There is a value."""
        self._values.append(value)
        self.over.set()

    def result(self) -> _Value:
        """Return the value, or raise what came before it."""
        if self._values:
            return self._values[0]
        error, self.error = self.error, None
        try:
            raise error or trio.ClosedResourceError("the transport was closed")
        finally:
            # A local variable that holds the exception would be a reference cycle.
            del error
