"""What one connection's streams hold: the set of them, and how many bytes of all nobody has read.

The bounds look at it. It knows nothing of them, nor of frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from webrtc_direct.streams.stream_state import Event


class HeldStream(Protocol):
    """What the table and the bounds have to know of a stream."""

    opened_by_peer: bool
    counts_as_use: bool
    """Whether the connection is not idle while this stream is open."""

    @property
    def taken_bytes(self) -> int:
        """How many bytes were ever read."""

    @property
    def unread_bytes(self) -> int:
        """How many received bytes are waiting to be read."""

    def apply(self, event: Event) -> None:
        """Let *event* happen, with all that follows from it."""

    def channel_closed(self) -> None:
        """The connection ended."""

    def reset(self, problem: str) -> None:
        """Abort the stream, for that reason."""

    async def wait_acknowledged(self) -> bool:
        """Say whether the peer has confirmed every byte, once that is known."""


class Held:
    """That of one connection."""

    __slots__ = ("__weakref__", "streams", "unread")

    def __init__(self) -> None:
        self.streams: set[HeldStream] = set()
        self.unread: int = 0
        """How many bytes of all streams are not read."""
