"""Whether the peer is there still.

A peer that is alive is soon heard of: it acknowledges what it is sent, and is asked for consent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from webrtc_direct.platform.closing import ConnectionLost

if TYPE_CHECKING:
    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.platform.base import PeerConnection
    from webrtc_direct.platform.closing import CloseReason

# Whoever waits for a sign of life looks so often, and so much longer than the bound on silence.
_LOOK_SECONDS = 0.05
_VERDICT_SECONDS = 1.0


class SignsOfLife:
    """``Limits.silence_timeout``, for whoever has to tell a slow peer from one that is gone."""

    __slots__ = ("_peer", "_reason", "_seconds")

    def __init__(self, peer: PeerConnection, limits: Limits) -> None:
        self._peer = peer
        self._seconds = limits.silence_timeout + _VERDICT_SECONDS
        self._reason: CloseReason | None = None

    def heard(self) -> int | None:
        """What to give to ``hear_again``, as it is now."""
        return self._peer.heard()

    async def hear_again(self, since: int | None) -> None:
        """Return once more is heard from the peer than at *since*; at once where the platform cannot tell.

        Raises:
            ConnectionLost: the connection ended before that, as silence ends it.
        """
        with anyio.move_on_after(self._seconds):
            # The platform counts, and tells nobody: there is no event to wait for.
            while self._reason is None and since is not None and self._peer.heard() == since:  # noqa: ASYNC110
                await anyio.sleep(_LOOK_SECONDS)
        if self._reason is not None:
            raise ConnectionLost(self._reason)

    def end(self, reason: CloseReason) -> None:
        """The connection has ended."""
        self._reason = reason
