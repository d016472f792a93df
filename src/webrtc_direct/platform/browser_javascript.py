"""The way to JavaScript and back: functions that it calls, and memory that it reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import js
from pyodide.ffi import create_proxy, to_js

if TYPE_CHECKING:
    from collections.abc import Callable

# Smaller messages are copied to JavaScript one by one, larger ones by way of a buffer that is kept.
_SMALL = 256


class Handlers:
    """Functions that JavaScript calls at the events of *target*, until ``detach``."""

    def __init__(self, target: Any, **handlers: Callable[[Any], None]) -> None:
        self._target = target
        self._handlers: dict[str, Callable[[Any], None]] = {}
        # One for all: to make one takes longer than to ask an event for its type.
        self._proxy = create_proxy(self._call)
        self.add(**handlers)

    def add(self, **handlers: Callable[[Any], None]) -> None:
        """Call *handlers*, too."""
        self._handlers |= handlers
        for event in handlers:
            self._target.addEventListener(event, self._proxy)

    def detach(self) -> None:
        """Let go of *target* and of the functions."""
        target, self._target = self._target, None
        if target is None:
            return
        for event in self._handlers:
            target.removeEventListener(event, self._proxy)
        self._handlers = {}
        # It may be what calls this.
        asyncio.get_running_loop().call_soon(self._proxy.destroy)

    def _call(self, event: Any) -> None:
        handler = self._handlers.get(event.type)
        if handler is not None:
            handler(event)


class _Outbox:
    """JavaScript memory through which messages go out; ``RTCDataChannel.send`` copies at once."""

    def __init__(self) -> None:
        self._size = 0
        self._view: Any = None

    def copy(self, message: bytes) -> Any:
        """Return *message* as JavaScript takes it. It is valid until the next call."""
        size = len(message)
        if size < _SMALL:
            return to_js(message)
        if size != self._size:
            # One size is enough: all full frames of a transfer have the same.
            self._view, self._size = js.Uint8Array.new(size), size
        self._view.assign(message)
        return self._view


OUTBOX = _Outbox()
"""The one of this page."""
