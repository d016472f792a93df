"""What the page is told of a listener: its addresses, and who is connected."""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.node.listener import Listener
    from webrtc_direct.web.bounds import WebBounds


class Roster:
    """Knows when each connection of a listener began. Tell it of them by ``connected``."""

    def __init__(self, listener: Listener, bounds: WebBounds) -> None:
        self._listener = listener
        self._bounds = bounds
        self._since: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._total = 0
        self._document = b""
        self._made = float("-inf")

    def connected(self, connection: Connection) -> None:
        """Note that *connection* begins now."""
        self._since[connection] = monotonic()
        self._total += 1

    def document(self) -> bytes:
        """Return it as JSON. It is at most ``WebBounds.snapshot_seconds`` old."""
        now = monotonic()
        if now - self._made >= self._bounds.snapshot_seconds:
            self._document = json.dumps(self._describe(now)).encode()
            self._made = now
        return self._document

    def _describe(self, now: float) -> dict[str, object]:
        connections = self._listener.connections
        newest = sorted(connections, key=lambda each: self._since.get(each, now), reverse=True)
        return {
            "peer_id": str(self._listener.peer_id),
            "addresses": self._listener.addresses,
            "connections_now": len(connections),
            "connections_total": self._total,
            "connections": [self._row(each, now) for each in newest[: self._bounds.max_listed]],
        }

    def _row(self, connection: Connection, now: float) -> dict[str, object]:
        stats = connection.stats()
        host, port = connection.remote
        round_trip = stats.round_trip_time
        return {
            "peer_id": str(connection.peer_id),
            "remote_ip": host,
            "remote_port": port,
            "version": connection.version,
            "age_seconds": round(now - self._since.get(connection, now), 1),
            "streams": connection.streams,
            "bytes_received": stats.bytes_received,
            "bytes_sent": stats.bytes_sent,
            "round_trip_ms": None if round_trip is None else round(round_trip * 1000, 2),
        }
