"""Every bound of the package, with defaults for a public server.

Times are seconds, sizes are bytes. What is full refuses, waits or resets, and says so;
it never drops a byte of a stream.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on time, memory and work. Every value must be greater than zero."""

    handshake_timeout: float = 10.0
    """ICE, DTLS and SCTP together, as dialer and for each connection of a listener."""
    noise_timeout: float = 10.0
    """The Noise handshake, once SCTP is up."""
    silence_timeout: float = 20.0
    """A connection without an authenticated datagram from the peer for so long is lost."""
    consent_interval: float = 5.0
    """Between two consent checks (RFC 7675); some peers hang up after 15 s without one."""
    close_timeout: float = 5.0
    """A graceful close waits so long for the peer's acknowledgements."""
    fin_ack_timeout: float = 10.0
    """A closed stream waits so long, in the background, for the peer to confirm its end."""
    negotiation_timeout: float = 15.0
    """Agreeing on the protocol of a stream, and the answer to identify, with a peer that is there: one
    that says nothing at all is the business of ``silence_timeout``. Longer than ``stall_timeout``, for a
    new stream waits behind one that holds up the connection."""
    stall_timeout: float = 10.0
    """A stream that holds up its connection unread for so long is reset."""
    idle_timeout: float | None = None
    """A connection without streams for so long is closed; ``None`` keeps it. Pings that the peer
    sends, and those of ``keep_alive``, do not count as streams here."""

    max_connections: int = 1000
    """Connections of one listener, those in the handshake included. Where there are as many, one without
    streams makes room for a new one: one that never had any, after 2 s, or that has none for 60 s."""
    max_connections_per_address: int = 256
    """Connections of one IP address at a listener."""
    max_connections_per_prefix: int = 512
    """Connections of one network at a listener: IPv4 /24, IPv6 /56."""
    connections_per_second: float = 200.0
    """New connections of one listener; a burst may be twice as many. When half of it is left, that
    is shared between networks, and those that leave handshakes unfinished get nothing of it."""
    connections_per_second_per_address: float = 128.0
    """New connections of one IP address at a listener; a burst may be twice as many."""
    max_handshakes: int = 256
    """Connections of one listener whose peers are not authenticated yet. A newcomer may take the place
    of one of a network that leaves handshakes unfinished or has more of them, or of one that has lasted
    for a second."""
    max_channels: int = 1024
    """Open data channels of one connection."""
    max_pending_streams: int = 256
    """Streams of one connection that the peer opened and whose protocol is not agreed yet."""
    streams_per_second: float = 1000.0
    """Streams of one connection that the peer opens; a burst may be twice as many. Others are reset."""
    resets_per_second: float = 500.0
    """Streams of one connection that the peer resets; a burst may be twice as many. Then the
    connection is aborted: who opens and resets makes work and never pays for it."""
    logged_failures_per_minute: float = 10.0
    """Exceptions of handlers, hooks not counted, that are logged with their tracebacks, for one listener or
    dial; a burst may be as many. The others are counted (``refusals``). What a handler raises of this
    package, such as StreamReset or RemoteProtocolError, is the peer's doing and logged as debug."""

    unread_bytes: int = _MIB
    """Received and not read yet, for one connection; beyond it the peer is slowed down."""
    unread_bytes_per_stream: int = 256 * _KIB
    """Every stream that holds more than this unread is reset when its connection stands still
    for ``stall_timeout``; where none does, the one that holds most is."""
    unread_bytes_in_browser: int = 16 * _MIB
    """Received and not read yet, for one connection in a browser, which cannot slow the peer down:
    beyond it the stream that holds most is reset."""
    unread_bytes_process: int = 256 * _MIB
    """Received and not read yet, for all connections of the process whose limits say the same;
    beyond it their peers are slowed down. After ``stall_timeout`` each event loop resets streams
    that hold too much, of its own connections alone."""
    unsent_bytes: int = _MIB
    """Written and not sent yet, for one connection; beyond it writers wait."""
    unsent_bytes_per_channel: int = 256 * _KIB
    """The same for each channel, so that one stream cannot take it all."""
    receive_window: int = 16 * _MIB
    """What SCTP holds of one connection, at most, while something before it is missing or its reader
    is slow. It holds up to 1 MiB of any connection, and more only on paths that bring more: the window
    that the peer is offered (RFC 9260, a_rwnd) begins at 128 KiB and follows what arrives in a round
    trip, and four times that is held. 16 MiB fill 1 Gbit/s over a round trip of 100 ms. Must be far
    larger than one message."""
    receive_window_process: int = 256 * _MIB
    """The same for all connections of the process whose limits say the same, beyond the first 128 KiB
    of each, which it always may hold; the peers of the others are offered less."""

    max_received_frame: int = 64 * _KIB + 3
    """A frame that is accepted, with its length prefix. The spec's 16384 is overstepped by
    real peers (16391 was seen); 64 KiB is the largest message of a peer that overlooks our
    max-message-size, because that is its default (RFC 8841 section 6.1)."""
    max_channel_label: int = 1024
    """Label and protocol of a data channel that the peer opens (DCEP); libp2p uses neither."""
    max_certificate: int = 16 * _KIB
    """The peer's DTLS certificate, in DER."""
    max_protocol_name: int = 1024
    """The name of a protocol in multistream-select."""
    max_noise_payload: int = 4096
    """A Noise message. An RSA key of 8192 bits with its signature takes about 2200."""
    max_identify: int = 64 * _KIB
    """The peer's answer to identify."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ValueError(f"Limits.{field.name} must be greater than zero")
