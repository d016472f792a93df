"""What ``open_stream`` returns: one object for ``await`` and for ``async with``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import TracebackType

    from webrtc_direct.streams.stream import Stream


class OpeningStream:
    """A stream that is about to be opened: ``await`` it, or use it with ``async with``."""

    def __init__(
        self, open_stream: Callable[[tuple[str, ...]], Awaitable[Stream]], protocols: tuple[str, ...]
    ) -> None:
        self._open_stream = open_stream
        self._protocols = protocols
        self._stream: Stream | None = None

    def __repr__(self) -> str:
        return f"<OpeningStream for {', '.join(self._protocols)}: await it, or use it with async with>"

    def __await__(self) -> Generator[object, None, Stream]:
        return self._open_stream(self._protocols).__await__()

    async def __aenter__(self) -> Stream:
        self._stream = await self
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.__aexit__(kind, error, traceback)
