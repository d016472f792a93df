"""Where no peer can be slowed down, as in a browser, the stream that holds most is reset instead."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.platform.base import PeerConnection
    from webrtc_direct.streams.held import Held
    from webrtc_direct.streams.timers import Timers


class Overflow:
    """``Limits.unread_bytes_in_browser``."""

    __slots__ = ("_due", "_held", "_refusals", "_timers", "most")

    def __init__(self, held: Held, timers: Timers, peer: PeerConnection, refusals: Refusals) -> None:
        self._held = held
        self._timers = timers
        self._refusals = refusals
        self.most: float = math.inf if peer.can_slow_peer else refusals.limits.unread_bytes_in_browser
        """How many bytes may be unread."""
        self._due = False

    def end_soon(self) -> None:
        """There are more: not at once, because a stream is in the middle of counting."""
        if not self._due:
            self._due = True
            self._timers.start(self._reset, name="unread bytes")

    async def _reset(self) -> None:
        self._due = False
        holding = sorted(self._held.streams, key=lambda stream: stream.unread_bytes)
        while self._held.unread > self.most and holding:
            self._refusals.refuse("unread_bytes_in_browser")
            holding.pop().reset("it was not read as fast as the peer sent, which a browser cannot slow down")
