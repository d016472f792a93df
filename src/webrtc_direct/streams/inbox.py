"""What has arrived on a stream and nobody has read yet: whole payloads, and the beginning of a frame.

It copies what is read once at most, and knows how much is unread. Whom to tell of that is not its business.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from webrtc_direct.streams.message import MessageDecoder

if TYPE_CHECKING:
    from webrtc_direct.streams.multistream import LazyProposal


class Inbox:
    """That of one stream. *max_frame* bounds a frame."""

    __slots__ = ("_payloads", "decoder", "size", "taken", "unread")

    def __init__(self, max_frame: int) -> None:
        self.decoder: MessageDecoder = MessageDecoder(max_frame)
        self._payloads: deque[bytes | memoryview] = deque()
        self.size: int = 0
        """How many bytes can be read."""
        self.unread: int = 0
        """How many bytes were not read when they were counted last, and read since."""
        self.taken: int = 0
        """How many bytes were ever read."""

    def add(self, payload: bytes) -> None:
        """Put *payload* behind what is here."""
        self._payloads.append(payload)
        self.size += len(payload)

    def read(self, max_bytes: int) -> bytes:
        """Take up to *max_bytes*, which count as read."""
        data = self._take(max_bytes)
        size = len(data)
        self.unread -= size
        self.taken += size
        return data

    def take_answer_untrusted(self, proposal: LazyProposal, *, keep: bool) -> bool:
        """Take the answer to *proposal* out of what is here; say whether it was whole.

        What comes after it is discarded, unless it is to be kept.

        Raises:
            ProtocolNotSupported: the peer refused.
            RemoteProtocolError: this is not multistream-select.
        """
        rest = proposal.receive_untrusted(self._take(self.size))
        if rest and keep:
            self.add(rest)
        return rest is not None

    def discard(self) -> None:
        """Throw away the payloads that are here."""
        self._payloads.clear()
        self.size = 0

    def recount(self, *, over: bool) -> int:
        """Count what is unread now, and return the change. When *over*, no more of a frame will come."""
        unread = self.size if over else self.size + self.decoder.buffered
        change = unread - self.unread
        self.unread = unread
        return change

    def _take(self, max_bytes: int) -> bytes:
        payloads = self._payloads
        if self.size <= max_bytes:
            data = b"".join(payloads)
            payloads.clear()
            self.size = 0
            return data
        parts: list[bytes | memoryview] = []
        missing = max_bytes
        while missing >= len(payloads[0]):
            missing -= len(payloads[0])
            parts.append(payloads.popleft())
        if missing:
            first = memoryview(payloads[0])
            parts.append(first[:missing])
            payloads[0] = first[missing:]
        self.size -= max_bytes
        return b"".join(parts)
