"""The platform seam: what everything above a data channel may ask of the thing below it.

A platform supplies connections whose ICE, DTLS and SCTP are already up. It knows
nothing of Noise, of libp2p's message framing, or of streams. Three platforms stand
behind these classes: ``native`` (the Rust engine), ``memory`` (two ends in one
process, for tests) and ``browser`` (a page's ``RTCPeerConnection``).

All methods that are not ``async`` return at once and are called from the event loop
that made the connection. Observers are called from that same loop; they must not
block, and an exception from one ends the connection it belongs to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from anyio.abc import TaskGroup

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.handshake.roles import Role, Version
    from webrtc_direct.handshake.sdp import SessionParameters
    from webrtc_direct.identity.fingerprint import Fingerprint
    from webrtc_direct.platform.closing import CloseReason

# Spec "WebRTC Direct", connection establishment: the handshake channel is negotiated with this id.
HANDSHAKE_CHANNEL_ID = 0


class LocalCertificate(Protocol):
    """A DTLS certificate of this end, as the platform that makes or takes it understands it."""

    @property
    def fingerprint(self) -> Fingerprint:
        """SHA-256 of the certificate."""


@dataclass(frozen=True)
class ConnectionStats:
    """Counters of one connection, since its start. Sizes in bytes, times in seconds."""

    bytes_sent: int = 0
    bytes_received: int = 0
    datagrams_sent: int = 0
    datagrams_received: int = 0
    retransmitted_packets: int = 0
    round_trip_time: float | None = None
    congestion_window: int = 0
    unread_bytes: int = 0
    unsent_bytes: int = 0
    channels: int = 0


@dataclass(frozen=True)
class ListenerCounters:
    """What a listener has accepted, and what it has dropped without an answer, since its start."""

    malformed: int = 0
    """Datagrams that are neither STUN nor DTLS, or broken STUN."""
    bad_username: int = 0
    """Binding requests of an unknown version, or whose username the spec forbids."""
    unauthentic: int = 0
    """Binding requests that failed their integrity check."""
    unknown_source: int = 0
    """DTLS from an address that had sent no Binding request."""
    throttled: int = 0
    """Binding requests dropped unread, because more came than the listener answers."""
    refused: int = 0
    """Connections that a limit refused."""
    displaced: int = 0
    """What was replaced by something newer: handshakes, because there were ``max_handshakes``, and
    connections without streams, because there were ``max_connections``."""
    tombstones: int = 0
    """Binding requests to a connection that had ended; they are answered with 403 for a while."""
    past: int = 0
    """Binding requests of a connection that this listener never had, as after a crash; answered with 403."""
    withheld_datagrams: int = 0
    """Datagrams not sent, because their receiver had not proved its address yet (the factor of 3)."""
    connections: int = 0
    """Current connections, including those in the handshake."""
    handshakes: int = 0
    """Handshakes in progress."""
    failed: Mapping[str, int] = field(default_factory=dict)
    """Handshakes that failed, by stage and reason, like ``dtls_cipher_suite``; only those that occurred."""


@dataclass(frozen=True)
class FailedHandshakes:
    """What a listener tells of *count* handshakes that have failed for one *reason*: the last of them."""

    reason: str
    count: int
    remote: tuple[str, int]
    detail: str


@dataclass(frozen=True)
class HandshakeTimes:
    """How long each step below the seam took, in seconds; ``None`` where the platform cannot tell."""

    ice: float | None = None
    dtls: float | None = None
    sctp: float | None = None


class ChannelObserver(Protocol):
    """What the owner of a data channel is told."""

    def data_received(self, data: bytes) -> int:
        """Take *data*: one or more whole messages, joined in the order of their arrival.

        Returns how many of these bytes are dealt with already. The others count as
        unread until ``DataChannel.consumed`` says otherwise.
        """

    def channel_writable(self) -> None:
        """``writable_bytes`` of the channel has grown."""

    def channel_closed(self) -> None:
        """The peer reset the channel, or the connection ended. Nothing follows this call."""


class DataChannel(ABC):
    """One ordered, reliable data channel (RFC 8831), label "".

    Data that arrives before ``observer`` is set waits for it.
    """

    observer: ChannelObserver | None

    @property
    @abstractmethod
    def data_channel_id(self) -> int | None:
        """The SCTP stream id, or ``None`` while it is not assigned."""

    @property
    @abstractmethod
    def writable_bytes(self) -> int:
        """How much ``send`` may be given now; 0 or less means: wait for ``channel_writable``."""

    @abstractmethod
    def send(self, messages: Sequence[bytes]) -> None:
        """Queue *messages*, each one SCTP message of 1 to 16384 bytes, in order.

        Never blocks and never drops: the caller keeps within ``writable_bytes``. Small
        flag frames may go beyond it. After the channel's or connection's end this does nothing.
        """

    @abstractmethod
    def consumed(self, count: int) -> None:
        """Say that *count* more bytes of what ``data_received`` was given are not unread any more."""

    @abstractmethod
    def close(self) -> None:
        """Reset the channel once everything given to ``send`` has left (RFC 8831 section 6.7)."""

    @abstractmethod
    def reset(self) -> None:
        """Reset the channel at once. What is still queued is discarded."""


class ConnectionObserver(Protocol):
    """What the owner of a connection is told."""

    def channel_opened(self, channel: DataChannel) -> None:
        """The peer opened *channel*. Setting its ``observer`` in this call loses nothing."""

    def channels_discarded(self, count: int) -> None:
        """The peer opened *count* channels, and reset their streams before this could be told of them."""

    def connection_closed(self, reason: CloseReason) -> None:
        """The connection ended. Its channels are told next; nothing else follows this call."""


class PeerConnection(ABC):
    """A connection whose ICE, DTLS and SCTP are up.

    Channels that the peer opens before ``observer`` is set wait for it.
    """

    observer: ConnectionObserver | None
    role: Role
    version: Version
    local_fingerprint: Fingerprint
    """SHA-256 of this end's DTLS certificate."""
    remote_fingerprint: Fingerprint
    """SHA-256 of the peer's DTLS certificate; a client has checked it against the address."""
    remote: tuple[str, int]
    """IP address and UDP port of the peer."""
    handshake_channel: DataChannel
    """Channel 0, negotiated (no DCEP)."""
    times: HandshakeTimes
    can_slow_peer: bool = True
    """Whether data that nobody reads makes the peer wait in the end; a browser takes all that comes."""

    @abstractmethod
    def open_channel(self) -> DataChannel:
        """Open a channel in-band (DCEP, RFC 8832). It can be written to at once."""

    @abstractmethod
    def close(self) -> None:
        """End the connection once the peer has acknowledged everything that was sent.

        Bounded by ``Limits.close_timeout``; then it ends anyhow. ``wait_closed`` tells when.
        """

    @abstractmethod
    def abort(self) -> None:
        """End the connection now: SCTP ABORT and DTLS close_notify, without waiting."""

    def authenticated(self) -> None:  # noqa: B027 - only a listener has something to do
        """Say that the peer has proved its identity: until then its handshake may give way to others."""

    @abstractmethod
    def is_stalled(self) -> bool:
        """Whether data has arrived that is not handed over before more of what was is consumed."""

    def pause(self) -> None:  # noqa: B027 - a platform without it is bounded by ``Limits.unread_bytes`` alone
        """Hand over no data until ``resume``, so that the peer slows down; some may still be on its way."""

    def resume(self) -> None:  # noqa: B027
        """Hand over data again."""

    def heard(self) -> int | None:
        """A number that grows with whatever comes from the peer; ``None`` where the platform cannot tell."""
        return None

    @abstractmethod
    async def wait_closed(self) -> CloseReason:
        """Return the reason, once the connection has ended."""

    @abstractmethod
    def stats(self) -> ConnectionStats:
        """Return the counters as they are now."""


class PlatformListener(ABC):
    """A UDP socket that takes connections."""

    port: int
    """The UDP port that it is bound to."""

    @abstractmethod
    async def accept(self) -> PeerConnection:
        """Return the next connection. Raises ``ClosedResourceError`` of anyio once closed."""

    @abstractmethod
    def close(self) -> None:
        """Stop accepting, abort every connection of this listener, and free the socket."""

    @abstractmethod
    async def wait_closed(self) -> None:
        """Return once the peers have been told and the socket is free."""

    def counters(self) -> ListenerCounters:
        """Return the counters as they are now; all zero where the platform counts nothing."""
        return ListenerCounters()


@dataclass(frozen=True)
class ListenParameters:
    """Where and how to listen. *port* 0 lets the system choose."""

    ip: str
    port: int
    certificate: LocalCertificate
    limits: Limits
    on_refused: Callable[[str, int], None] | None = None
    """Called with the name of a field of ``Limits`` and how often it has refused since the last call."""
    on_failed: Callable[[FailedHandshakes], None] | None = None
    """Called about handshakes that failed, at a bounded rate."""


@dataclass(frozen=True)
class ConnectParameters:
    """Whom to dial. *session* holds both descriptions' parameters (steps 3 and 4)."""

    session: SessionParameters
    certificate: LocalCertificate
    limits: Limits
    timeout: float
    """Seconds until ``HandshakeTimeout`` for ICE, DTLS and SCTP together."""
    on_answer: Callable[[], None] | None = None
    """Called once, when the first ICE answer has come and before DTLS begins. The task that is in
    ``connect`` may be cancelled from there."""


class Platform(ABC):
    """Makes connections. Tasks that it needs run in the *task_group* that the caller hands over."""

    versions: tuple[Version, Version] = ("v1", "v2")
    """Which version of the handshake to try first, and which one beside it when nobody answers."""
    resolves_names: bool = True
    """Whether names can be looked up where this platform is: a web page cannot."""

    @abstractmethod
    async def make_certificate(self) -> LocalCertificate:
        """Return a new certificate, for one dial or for a listener."""

    @abstractmethod
    async def connect(self, task_group: TaskGroup, parameters: ConnectParameters) -> PeerConnection:
        """Dial, up to an established SCTP association, which the caller ends.

        Raises:
            HandshakeTimeout: nobody answered, or a step did not finish in time.
            FingerprintMismatch: the peer's certificate is not the one in the address.
            VersionNotPossible: this platform cannot make the handshake of that version.
            HandshakeError: the peer refused or broke a rule.
        """

    @abstractmethod
    async def listen(self, task_group: TaskGroup, parameters: ListenParameters) -> PlatformListener:
        """Bind a socket and take connections.

        Raises:
            OSError: the address cannot be bound.
            LocalProtocolError: this platform cannot listen.
        """
