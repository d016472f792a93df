"""Every bound of the package, with defaults for a public server.

Times are seconds, sizes are bytes. At a limit the package refuses, waits or resets, and reports
it; it never drops a byte of a stream.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

_KIB = 1024
_MIB = 1024 * _KIB

MAX_RESOLVED_ADDRESSES = 16
"""Addresses that are dialed of those that a name stands for."""
MAX_DNSADDR_DEPTH = 4
"""Names that lead from that of a ``/dnsaddr`` to an address, one after the other."""
MAX_LOOKUPS = 32
"""Names that are looked up for one address."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on time, memory and work. Every value must be greater than zero."""

    handshake_timeout: float = 10.0
    """For ICE, DTLS and SCTP together, of a dial and of each connection of a listener."""
    noise_timeout: float = 10.0
    """For the Noise handshake, once SCTP is up."""
    lookup_timeout: float = 5.0
    """For looking up the name in an address, including all names that it leads to. It counts towards the
    time of the dial."""
    silence_timeout: float = 20.0
    """A connection is lost after this time without an authenticated datagram from the peer."""
    consent_interval: float = 5.0
    """Time between two consent checks (RFC 7675); some peers hang up after 15 s without one."""
    close_timeout: float = 5.0
    """How long a graceful close waits for the peer's acknowledgements."""
    fin_ack_timeout: float = 10.0
    """How long a closed stream waits, in the background, for the peer to confirm its end."""
    negotiation_timeout: float = 15.0
    """For agreeing on the protocol of a stream, and for the answer to identify, with a peer that is there;
    ``silence_timeout`` applies to one that sends nothing at all. Longer than ``stall_timeout``, because a
    new stream waits behind one that holds up the connection."""
    stall_timeout: float = 10.0
    """A stream that holds up its connection is reset if nobody reads it for this time."""
    idle_timeout: float | None = None
    """A connection is closed after this time without streams; ``None`` keeps it open. Pings from the
    peer, and those of ``keep_alive``, do not count as streams here."""

    max_connections: int = 1000
    """Connections of one listener, including those in the handshake. At the limit, one without streams
    makes room for a new one: one that has had none in its first 2 s, or none for the last 60 s."""
    max_connections_per_address: int = 256
    """Connections of a listener from one IP address."""
    max_connections_per_prefix: int = 512
    """Connections of a listener from one network: IPv4 /24, IPv6 /56."""
    connections_per_second: float = 200.0
    """New connections of one listener; a burst may have twice as many. The last half is shared between
    networks, and those that leave handshakes unfinished get nothing of it."""
    connections_per_second_per_address: float = 128.0
    """New connections of a listener from one IP address; a burst may have twice as many."""
    max_handshakes: int = 256
    """Connections of one listener whose peers are not authenticated yet. At the limit, a newcomer may
    replace one from a network that leaves handshakes unfinished or has more of them, or one that has
    lasted for a second."""
    max_channels: int = 1024
    """Open data channels of one connection."""
    max_pending_streams: int = 256
    """Streams of one connection that the peer has opened, until the ends agree on the protocol."""
    max_pending_streams_process: int = 4096
    """The same of all connections of the process whose limits have the same value. A connection may have as
    many as are left for the others."""
    max_streams_process: int = 65536
    """Streams of all connections of the process whose limits have the same value. The peer may open more on
    a connection that has fewer than are left for the others."""
    streams_per_second: float = 1000.0
    """Streams that the peer opens on one connection; a burst may have twice as many. Others are reset."""
    resets_per_second: float = 100.0
    """Streams that the peer resets on one connection; a burst may have ``max_channels``, for a peer may give
    up all at once that it has open. Beyond that the connection is aborted, because a peer that opens and
    resets causes work without doing any."""
    identify_pushes_per_minute: float = 60.0
    """Identify pushes of the peer on one connection; a burst may have as many. Others are reset."""
    logged_failures_per_minute: float = 10.0
    """Exceptions of handlers (not of hooks) that are logged with their tracebacks, for one listener or
    dial; a burst may have as many. The others are counted (``refusals``). Errors of this package that a
    handler raises, such as StreamReset or RemoteProtocolError, are the peer's fault and logged at DEBUG."""

    unread_bytes: int = _MIB
    """Received but unread bytes of one connection; beyond this the peer is slowed down."""
    unread_bytes_per_stream: int = 256 * _KIB
    """When a connection stands still for ``stall_timeout``, every stream with more unread bytes than this
    is reset, or, if there is none, the one that has most."""
    unread_bytes_in_browser: int = 16 * _MIB
    """Received but unread bytes of one connection in a browser, which cannot slow the peer down: beyond
    this the stream that has most is reset."""
    unread_bytes_process: int = 256 * _MIB
    """Received but unread bytes of all connections of the process whose limits have the same value; beyond
    this their peers are slowed down. After ``stall_timeout`` each event loop resets streams that hold too
    much, but only of its own connections."""
    unsent_bytes: int = _MIB
    """Written but unsent bytes of one connection; beyond this writers wait."""
    unsent_bytes_per_channel: int = 256 * _KIB
    """The same for each channel, so that one stream cannot take everything."""
    unsent_bytes_process: int = 32 * _MIB
    """The same of all connections of the process whose limits have the same value, beyond the first 32 KiB of
    each, but not in a browser. A connection may have as many as are left for the others."""
    receive_window: int = 16 * _MIB
    """The most that SCTP holds of one connection while earlier data is missing or its reader is slow. It
    holds up to 1 MiB of any connection, and more only on paths that deliver more: the window that the
    peer is offered (RFC 9260, a_rwnd) starts at 128 KiB and follows what arrives in a round trip, and
    four times that is held. 16 MiB fill 1 Gbit/s over a round trip of 100 ms. Must be far larger than
    one message."""
    receive_window_process: int = 256 * _MIB
    """The same for all connections of the process whose limits have the same value, beyond the first
    128 KiB of each, which SCTP may always hold. When it is used up, peers are offered less."""

    max_received_frame: int = 64 * _KIB + 3
    """A frame from the peer, with its length prefix. Real peers exceed the spec's 16384 (16391 was
    seen). 64 KiB is the largest message of a peer that ignores our max-message-size, because that is
    the default (RFC 8841 section 6.1)."""
    max_channel_label: int = 1024
    """Label and protocol of a data channel that the peer opens (DCEP); libp2p does not use them."""
    max_certificate: int = 16 * _KIB
    """The peer's DTLS certificate, in DER."""
    max_protocol_name: int = 1024
    """A protocol name in multistream-select."""
    max_noise_payload: int = 4096
    """A Noise message. An RSA key of 8192 bits with its signature takes about 2200."""
    max_identify: int = 64 * _KIB
    """The peer's answer to identify."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ValueError(f"Limits.{field.name} must be greater than zero")
