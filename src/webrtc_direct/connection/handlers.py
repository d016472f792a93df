"""Which handler serves a protocol: by its whole name, or by how that begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from webrtc_direct.errors import LocalProtocolError
from webrtc_direct.streams.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

Handler = Callable[[Stream], Awaitable[None]]
"""Serves a stream that the peer opened. Returning closes the stream, raising resets it, whatever it raises:
only KeyboardInterrupt and SystemExit go on, and end the program."""

OnStream = Callable[[Stream], object]
"""Is given each stream that the peer opens, before any protocol is agreed on, by a program that agrees on one
itself. It must not wait, and what it raises resets the stream; whoever has the stream closes or resets it."""

_ANY = "*"


class Handlers(Mapping[str, Handler]):
    """Handlers of protocols, and *others* for what these do not serve.

    A key that ends in ``*`` stands for all names that begin with what is before it. Of these handlers the
    one with the whole name is taken, or else the one that names most of it; only then *others* are asked.
    Iteration gives whole names alone.
    """

    def __init__(self, handlers: Mapping[str, Handler], *, others: Handlers | None = None) -> None:
        self._by_name: dict[str, Handler] = {}
        self._by_start: dict[str, Handler] = {}
        self._others = others
        for protocol, handler in handlers.items():
            self.add(protocol, handler)

    def __getitem__(self, protocol: str) -> Handler:
        handler = self._by_name.get(protocol)
        if handler is not None:
            return handler
        starts = [start for start in self._by_start if protocol.startswith(start)]
        if starts:
            return self._by_start[max(starts, key=len)]
        if self._others is None:
            raise KeyError(protocol)
        return self._others[protocol]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._by_name, *(self._others or ())}))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def add(self, protocol: str, handler: Handler) -> None:
        """Serve *protocol* with *handler*, in place of the one before."""
        table, key = self._place(protocol)
        table[key] = handler

    def remove(self, protocol: str) -> None:
        """Serve *protocol* no more, unless others do. Raises LocalProtocolError where it was not served."""
        table, key = self._place(protocol)
        if table.pop(key, None) is None:
            raise LocalProtocolError(f"there is no handler for {protocol!r} here that could be removed")

    def _place(self, protocol: str) -> tuple[dict[str, Handler], str]:
        if protocol.endswith(_ANY):
            return self._by_start, protocol.removesuffix(_ANY)
        return self._by_name, protocol
