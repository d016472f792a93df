"""The native platform: connections of the Rust engine.

The engine runs on one thread of its own for all connections and listeners of the process.
Its events wait in a queue, one for each dialed connection and each listener, whose descriptor
becomes readable; one task then takes all that waits and tells the observers.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from webrtc_direct import _native
from webrtc_direct.errors import FingerprintMismatch, HandshakeError, HandshakeTimeout
from webrtc_direct.platform.base import (
    CloseKind,
    CloseReason,
    ConnectParameters,
    ListenerCounters,
    ListenParameters,
    PeerConnection,
    Platform,
    PlatformListener,
    Role,
)
from webrtc_direct.platform.native_connection import NativePeerConnection

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from webrtc_direct.limits import Limits

logger = logging.getLogger("webrtc_direct.native")

# Events that one turn of the loop takes; the other tasks run between two turns.
_EVENTS_PER_TURN = 256


class NativeListener(PlatformListener):
    """A listener of the engine."""

    def __init__(self, handle: _native.Listener, parameters: ListenParameters) -> None:
        self.port = handle.port
        self._handle: _native.Listener | None = handle
        self._parameters = parameters
        self._last_counters = ListenerCounters()
        self._refused = 0
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
        if self._handle is not None:
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
        """The engine frees the socket, or has done so."""
        self._closing = True
        self.counters()
        self._handle = None
        self._closed.set()
        self._wake()

    def counters(self) -> ListenerCounters:
        if self._handle is not None:
            self._last_counters = ListenerCounters(**self._handle.counters())
        return self._last_counters

    def tell_refused(self, limit: str, count: int) -> None:
        """Take what the engine says once in a while: *count* connections refused, the last by *limit*."""
        since, self._refused = count - self._refused, count
        if self._parameters.on_refused is not None:
            self._parameters.on_refused(limit, since)

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
            handle,
            role=Role.CLIENT,
            limits=limits,
            local_fingerprint=certificate.fingerprint,
            on_answer=parameters.on_answer,
        )
        task_group.start_soon(_pump, queue, {connection.connection_id: connection}, None)
        try:
            await connection.established.wait()
            # When this dial is cancelled, its pump is too and ends the connection; that is no error of it.
            await checkpoint_if_cancelled()
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
    try:
        while listener is not None or connections:
            await anyio.wait_readable(queue)
            for kind, connection_id, key, value in queue.take(_EVENTS_PER_TURN):
                if kind == _native.ACCEPTED and listener is not None:
                    handle, established = value
                    connections[connection_id] = listener.take_connection(handle, established)
                elif kind == _native.REFUSED and listener is not None:
                    listener.tell_refused(*value)
                elif kind == _native.LISTENER_CLOSED and listener is not None:
                    listener.end()
                    listener = None
                elif connection := connections.get(connection_id):
                    _tell(connection, kind, key, value)
                    if kind == _native.CLOSED:
                        del connections[connection_id]
    finally:
        # Nobody will hear of them any more.
        for connection in connections.values():
            connection.end(CloseReason(CloseKind.LOCAL, "closed by this end"))
        if listener is not None:
            listener.end()


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
        "max_connections_per_address": limits.max_connections_per_address,
        "max_connections_per_prefix": limits.max_connections_per_prefix,
        "connections_per_second": limits.connections_per_second,
        "connections_per_second_per_address": limits.connections_per_second_per_address,
        "max_handshakes": limits.max_handshakes,
        "max_channels": limits.max_channels,
        "max_channel_label": limits.max_channel_label,
        "max_certificate": limits.max_certificate,
        "unread_bytes": limits.unread_bytes,
        "unsent_bytes_per_channel": limits.unsent_bytes_per_channel,
        "receive_window": limits.receive_window,
    }
