"""Every bound of the web server."""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024


@dataclass(frozen=True, kw_only=True)
class WebBounds:
    """Bounds on time, memory and work. Times are seconds, sizes are bytes."""

    max_connections: int = 32
    """Connections at once. One more takes the place of the one that has waited longest: for a request, or
    for its client to take a response."""
    max_head: int = 8 * _KIB
    """Request line and headers of a request."""
    request_timeout: float = 5.0
    """From the first byte of a request to the end of its headers."""
    idle_timeout: float = 15.0
    """A connection without a request for so long is closed."""
    response_timeout: float = 10.0
    """Until the client has taken a response, and a second more for each ``least_rate`` of it."""
    least_rate: int = 64 * _KIB
    """Bytes per second: who takes a large response more slowly does not get all of it."""
    requests_per_connection: int = 1000
    """After so many the connection is closed, and the browser opens another."""
    linger_timeout: float = 1.0
    """What a client still sends after a refusal is read and thrown away for so long, so that it sees why."""
    linger_bytes: int = 64 * _KIB
    """The same, in bytes."""
    max_page_files: int = 1000
    """Files of a page that is not the built-in one."""
    max_page_bytes: int = 64 * _KIB * _KIB
    """All of them together. They are kept in memory."""
    max_listed: int = 100
    """Connections of the listener that the page is told of, the newest first."""
    snapshot_seconds: float = 0.2
    """The listener is looked at so often at most, however many ask."""
    backlog: int = 64
    """Connections that the system holds until they are accepted."""
