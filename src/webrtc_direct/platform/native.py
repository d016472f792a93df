"""The native platform: connections of the Rust engine.

The engine runs on one thread of its own for all connections and listeners of the process.
Its events wait in a queue, one for each dialed connection and each listener, whose descriptor
becomes readable; one task then takes all that waits and tells the observers. This module
decides nothing about a connection; it translates, and it counts credit.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio

from webrtc_direct import _native
from webrtc_direct.errors import FingerprintMismatch, HandshakeError, HandshakeTimeout
from webrtc_direct.multiaddr import Fingerprint
from webrtc_direct.platform.base import (
    HANDSHAKE_CHANNEL_ID,
    ChannelObserver,
    CloseKind,
    CloseReason,
    ConnectionObserver,
    ConnectionStats,
    ConnectParameters,
    DataChannel,
    HandshakeTimes,
    ListenParameters,
    PeerConnection,
    Platform,
    PlatformListener,
    Role,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskGroup

    from webrtc_direct.limits import Limits

logger = logging.getLogger("webrtc_direct.native")

# Events that one turn of the loop takes; the other tasks run between two turns.
_EVENTS_PER_TURN = 256
# The engine's key of channel 0.
_HANDSHAKE_KEY = 0


class NativeChannel(DataChannel):
    """A data channel of the engine."""

    def __init__(self, connection: NativePeerConnection, key: int, credit: int) -> None:
        self._connection = connection
        self._key = key
        self._credit = credit
        self._unsent = 0
        self._observer: ChannelObserver | None = None
        self._early: list[bytes] = []
        self._closed_early = False
        self._ended = False

    @property
    def data_channel_id(self) -> int | None:
        return HANDSHAKE_CHANNEL_ID if self._key == _HANDSHAKE_KEY else None

    @property
    def observer(self) -> ChannelObserver | None:
        return self._observer

    @observer.setter
    def observer(self, observer: ChannelObserver | None) -> None:
        self._observer = observer
        if observer is None:
            return
        early, self._early = self._early, []
        if early:
            self.consumed(observer.data_received(b"".join(early)))
        if self._closed_early:
            self._closed_early = False
            observer.channel_closed()

    @property
    def writable_bytes(self) -> int:
        return min(self._credit, self._connection.credit)

    def send(self, messages: Sequence[bytes]) -> None:
        if self._ended or not messages:
            return
        size = sum(map(len, messages))
        self._credit -= size
        self._unsent += size
        self._connection.send(self._key, list(messages), size)

    def consumed(self, count: int) -> None:
        if count:
            self._connection.handle.consumed(count)

    def close(self) -> None:
        if not self._ended:
            self._end()
            self._connection.handle.close_channel(self._key)

    def reset(self) -> None:
        if not self._ended:
            self._end()
            self._connection.handle.reset_channel(self._key)

    def receive(self, data: bytes) -> None:
        """Take data from the engine."""
        if self._observer is None:
            self._early.append(data)
        elif dealt_with := self._observer.data_received(data):
            self._connection.handle.consumed(dealt_with)

    def grant(self, count: int) -> None:
        """Take credit from the engine: so many bytes have left the queue."""
        self._credit += count
        self._unsent -= count
        if self._observer is not None:
            self._observer.channel_writable()

    def tell_writable(self) -> None:
        """Say that the connection has credit again."""
        if self._observer is not None:
            self._observer.channel_writable()

    def tell_closed(self) -> None:
        """The peer reset it, or the connection ended."""
        if self._ended:
            return
        self._end()
        if self._observer is None:
            self._closed_early = True
        else:
            self._observer.channel_closed()

    def _end(self) -> None:
        self._ended = True
        self._connection.forget(self._key, self._unsent)
        self._unsent = 0


class NativePeerConnection(PeerConnection):
    """A connection of the engine. It counts as one only once ``established``."""

    def __init__(
        self,
        handle: _native.Connection,
        *,
        role: Role,
        limits: Limits,
        local_fingerprint: Fingerprint,
    ) -> None:
        self.handle = handle
        self.role = role
        self.local_fingerprint = local_fingerprint
        self.credit = limits.unsent_bytes
        self.reason: CloseReason | None = None
        self.established = anyio.Event()
        self._limits = limits
        self._closed = anyio.Event()
        self._observer: ConnectionObserver | None = None
        self._early: list[NativeChannel] = []
        self._channels: dict[int, NativeChannel] = {}
        self.handshake_channel = self._add_channel(_HANDSHAKE_KEY)

    def __repr__(self) -> str:
        state = "open" if self.reason is None else self.reason.kind.value
        return f"<NativePeerConnection {self.handle.id} {self.role.value} {state}>"

    @property
    def observer(self) -> ConnectionObserver | None:
        return self._observer

    @observer.setter
    def observer(self, observer: ConnectionObserver | None) -> None:
        self._observer = observer
        if observer is None:
            return
        early, self._early = self._early, []
        for channel in early:
            observer.channel_opened(channel)
        if self.reason is not None:
            observer.connection_closed(self.reason)

    def open_channel(self) -> DataChannel:
        channel = self._add_channel(self.handle.open_channel())
        if self.reason is not None:
            channel.tell_closed()
        return channel

    def close(self) -> None:
        self.handle.close()

    def abort(self) -> None:
        self.handle.abort()

    async def wait_closed(self) -> CloseReason:
        await self._closed.wait()
        if self.reason is None:
            raise AssertionError("closed without a reason")
        return self.reason

    def stats(self) -> ConnectionStats:
        unsent = self._limits.unsent_bytes - self.credit
        return ConnectionStats(unsent_bytes=unsent, **self.handle.stats())

    def send(self, key: int, messages: list[bytes], size: int) -> None:
        """Hand *messages* of a channel to the engine; *size* is that of all together."""
        self.credit -= size
        self.handle.send(key, messages)

    def forget(self, key: int, unsent: int) -> None:
        """A channel has ended with so much in its queue."""
        self._channels.pop(key, None)
        self.credit += unsent

    def take(self, kind: int, key: int, value: Any) -> None:
        """Take an event of the engine."""
        if kind == _native.DATA:
            channel = self._channels.get(key)
            if channel is None:
                # It was on its way when this end reset the channel.
                self.handle.consumed(len(value))
            else:
                channel.receive(value)
        elif kind == _native.WRITABLE:
            self._grant(key, value)
        elif kind == _native.OPENED:
            self._take_channel(key)
        elif kind == _native.CHANNEL_CLOSED:
            if channel := self._channels.get(key):
                channel.tell_closed()
        elif kind == _native.CONNECTED:
            self.establish(value)
        elif kind == _native.CLOSED:
            name, detail, received = value
            self._end(CloseReason(CloseKind(name), detail, received and Fingerprint(received)))

    def establish(self, value: tuple[Any, ...]) -> None:
        """Take what is known now that the connection is up."""
        version: Version
        version, ip, port, fingerprint, ice, dtls, sctp = value
        self.version = version
        self.remote = (ip, port)
        self.remote_fingerprint = Fingerprint(fingerprint)
        self.times = HandshakeTimes(ice=ice, dtls=dtls, sctp=sctp)
        self.established.set()

    def _add_channel(self, key: int) -> NativeChannel:
        channel = NativeChannel(self, key, self._limits.unsent_bytes_per_channel)
        self._channels[key] = channel
        return channel

    def _take_channel(self, key: int) -> None:
        channel = self._add_channel(key)
        if self._observer is None:
            self._early.append(channel)
        else:
            self._observer.channel_opened(channel)

    def _grant(self, key: int, count: int) -> None:
        channel = self._channels.get(key)
        if channel is None:
            return
        exhausted = self.credit <= 0
        self.credit += count
        channel.grant(count)
        if exhausted and self.credit > 0:
            for other in list(self._channels.values()):
                if other is not channel:
                    other.tell_writable()

    def _end(self, reason: CloseReason) -> None:
        self.reason = reason
        for channel in list(self._channels.values()):
            channel.tell_closed()
        self.established.set()
        self._closed.set()
        if self._observer is not None:
            self._observer.connection_closed(reason)


class NativeListener(PlatformListener):
    """A listener of the engine."""

    def __init__(self, handle: _native.Listener, parameters: ListenParameters) -> None:
        self.port = handle.port
        self._handle = handle
        self._parameters = parameters
        self._waiting: deque[NativePeerConnection] = deque()
        self._changed = anyio.Event()
        self._closing = False
        self._closed = anyio.Event()

    async def accept(self) -> PeerConnection:
        while not self._waiting:
            if self._closing:
                raise anyio.ClosedResourceError
            await self._changed.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        self._closing = True
        self._handle.close()
        self._wake()

    async def wait_closed(self) -> None:
        await self._closed.wait()

    def take_connection(self, handle: _native.Connection, value: tuple[Any, ...]) -> NativePeerConnection:
        """Take a new connection of the engine."""
        connection = NativePeerConnection(
            handle,
            role=Role.SERVER,
            limits=self._parameters.limits,
            local_fingerprint=self._parameters.certificate.fingerprint,
        )
        connection.establish(value)
        self._waiting.append(connection)
        self._wake()
        return connection

    def end(self) -> None:
        """The engine has freed the socket."""
        self._closing = True
        self._closed.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


class NativePlatform(Platform):
    """Connections of the Rust engine, over UDP sockets."""

    async def connect(self, task_group: TaskGroup, parameters: ConnectParameters) -> PeerConnection:
        session, certificate, limits = parameters.session, parameters.certificate, parameters.limits
        queue = _native.EventQueue()
        handle = _native.dial(
            queue,
            ip=session.ip,
            port=session.port,
            username=f"{session.server.ufrag}:{session.client.ufrag}",
            fingerprint=session.server_fingerprint.digest,
            certificate=certificate.der,
            private_key=certificate.private_key_der,
            bounds=_bounds(limits, handshake_timeout=parameters.timeout),
        )
        connection = NativePeerConnection(
            handle, role=Role.CLIENT, limits=limits, local_fingerprint=certificate.fingerprint
        )
        task_group.start_soon(_pump, queue, {handle.id: connection}, None)
        try:
            await connection.established.wait()
        except BaseException:
            connection.abort()
            raise
        if connection.reason is not None:
            raise _dial_error(connection.reason, parameters)
        return connection

    async def listen(self, task_group: TaskGroup, parameters: ListenParameters) -> PlatformListener:
        queue = _native.EventQueue()
        handle = _native.listen(
            queue,
            ip=parameters.ip,
            port=parameters.port,
            certificate=parameters.certificate.der,
            private_key=parameters.certificate.private_key_der,
            bounds=_bounds(parameters.limits, handshake_timeout=parameters.limits.handshake_timeout),
        )
        listener = NativeListener(handle, parameters)
        task_group.start_soon(_pump, queue, {}, listener)
        return listener


async def _pump(
    queue: _native.EventQueue,
    connections: dict[int, NativePeerConnection],
    listener: NativeListener | None,
) -> None:
    while True:
        await anyio.wait_readable(queue)
        for kind, connection_id, key, value in queue.take(_EVENTS_PER_TURN):
            if kind == _native.ACCEPTED and listener is not None:
                handle, established = value
                connections[connection_id] = listener.take_connection(handle, established)
            elif kind == _native.LISTENER_CLOSED and listener is not None:
                listener.end()
                return
            elif connection := connections.get(connection_id):
                _tell(connection, kind, key, value)
                if kind == _native.CLOSED:
                    del connections[connection_id]
        if listener is None and not connections:
            return


def _tell(connection: NativePeerConnection, kind: int, key: int, value: Any) -> None:
    try:
        connection.take(kind, key, value)
    except Exception:
        # The seam's promise: a fault above it costs this connection, not the others in the queue.
        logger.exception("%r: an observer failed; the connection is aborted", connection)
        connection.abort()


def _dial_error(reason: CloseReason, parameters: ConnectParameters) -> HandshakeError:
    match reason.kind:
        case CloseKind.TIMEOUT:
            return HandshakeTimeout(step=reason.detail, seconds=parameters.timeout)
        case CloseKind.FINGERPRINT if reason.received is not None:
            expected = parameters.session.server_fingerprint
            return FingerprintMismatch(expected=expected, received=reason.received)
        case _:
            return HandshakeError(f"the handshake failed: {reason.detail}")


def _bounds(limits: Limits, *, handshake_timeout: float) -> _native.Bounds:
    return {
        "handshake_timeout": handshake_timeout,
        "silence_timeout": limits.silence_timeout,
        "consent_interval": limits.consent_interval,
        "close_timeout": limits.close_timeout,
        "max_connections": limits.max_connections,
        "max_handshakes": limits.max_handshakes,
        "max_channels": limits.max_channels,
        "unread_bytes": limits.unread_bytes,
        "unsent_bytes_per_channel": limits.unsent_bytes_per_channel,
        "receive_window": limits.receive_window,
    }
