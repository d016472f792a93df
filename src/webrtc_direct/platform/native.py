"""The native platform: connections of the Rust engine.

The engine runs on one thread of its own for all connections and listeners of the process.
Its events wait in a queue, one for each dialed connection and each listener, whose descriptor
becomes readable; one task then takes all that waits and tells the observers.
"""

from __future__ import annotations

import atexit
import errno
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from webrtc_direct import _native
from webrtc_direct.address.zones import split_zone
from webrtc_direct.errors import CannotSend, HandshakeError, HandshakeTimeout, LocalProtocolError
from webrtc_direct.handshake.errors import FingerprintMismatch
from webrtc_direct.handshake.roles import Role
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.platform.base import (
    ConnectParameters,
    FailedHandshakes,
    ListenerCounters,
    ListenParameters,
    PeerConnection,
    Platform,
    PlatformListener,
)
from webrtc_direct.platform.closing import CloseKind, CloseReason
from webrtc_direct.platform.native_connection import NativePeerConnection
from webrtc_direct.runtime.outside_tasks import Signal, asyncio_loop

if TYPE_CHECKING:
    import asyncio

    from anyio.abc import TaskGroup

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.platform.base import LocalCertificate

logger: logging.Logger = logging.getLogger("webrtc_direct.native")

# What the system says where it has no way to an address, which does not change while a dial waits.
_NO_WAY = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EINVAL,
        errno.EACCES,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
    }
)

# Events that one turn of the loop takes; the other tasks run between two turns.
_EVENTS_PER_TURN = 32

# At the end of the interpreter the engine has so long to tell the peers of connections that are still open.
_ABORT_SECONDS = 0.5


def abort_all(seconds: float) -> None:
    """Abort every connection of this process, which is about to end; returns when the peers are told.

    Any thread may call it, whatever the event loops are doing; it takes *seconds* at most. The event loops
    hear of nothing any more: what still runs there would only make errors of it.
    """
    _native.abort_all(seconds)


atexit.register(abort_all, _ABORT_SECONDS)


class NativeListener(PlatformListener):
    """A listener of the engine."""

    def __init__(self, handle: _native.Listener, parameters: ListenParameters) -> None:
        self.port: int = handle.port
        self._handle: _native.Listener | None = handle
        self._parameters = parameters
        self._last_counters = ListenerCounters()
        self._waiting: deque[NativePeerConnection] = deque()
        self._changed = Signal()
        self._closing = False
        self._closed = Signal()

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
        """Take what the engine says once in a while: *limit* has refused *count* connections more."""
        if self._parameters.on_refused is not None:
            self._parameters.on_refused(limit, count)

    def tell_failed(self, reason: str, count: int, ip: str, port: int, detail: str) -> None:
        """Take what the engine says once in a while: *count* handshakes more have failed for *reason*."""
        if self._parameters.on_failed is not None:
            self._parameters.on_failed(FailedHandshakes(reason, count, (ip, port), detail))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = Signal()


class NativePlatform(Platform):
    """Connections of the Rust engine, over UDP sockets."""

    async def make_certificate(self) -> Certificate:
        return Certificate.generate()

    async def connect(self, task_group: TaskGroup, parameters: ConnectParameters) -> PeerConnection:
        session, limits = parameters.session, parameters.limits
        certificate = _with_key(parameters.certificate)
        queue = _native.EventQueue()
        ip, scope_id = split_zone(session.ip)
        try:
            handle = _native.dial(
                queue,
                ip=ip,
                scope_id=scope_id,
                port=session.port,
                username=f"{session.server.ufrag}:{session.client.ufrag}",
                fingerprint=session.server_fingerprint.digest,
                certificate=certificate.der,
                private_key=certificate.private_key_der,
                bounds=_bounds(limits, handshake_timeout=parameters.timeout),
            )
        except OSError as error:
            if error.errno not in _NO_WAY:
                raise
            address = session.ip, session.port
            raise CannotSend(errno=error.errno, reason=error.strerror or "", address=address) from error
        connection = NativePeerConnection(
            handle,
            role=Role.CLIENT,
            limits=limits,
            local_fingerprint=certificate.fingerprint,
            on_answer=parameters.on_answer,
        )
        task_group.start_soon(_Pump(queue, {connection.connection_id: connection}).run)
        # Where this is cancelled, a traceback may keep the frame: it must not keep the engine.
        del queue, handle
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
        certificate = _with_key(parameters.certificate)
        queue = _native.EventQueue()
        ip, scope_id = split_zone(parameters.ip)
        handle = _native.listen(
            queue,
            ip=ip,
            scope_id=scope_id,
            port=parameters.port,
            certificate=certificate.der,
            private_key=certificate.private_key_der,
            bounds=_bounds(parameters.limits, handshake_timeout=parameters.limits.handshake_timeout),
        )
        listener = NativeListener(handle, parameters)
        task_group.start_soon(_Pump(queue, {}, listener).run)
        return listener


class _Pump:
    """Takes the engine's events as they come, and tells whom they are for."""

    def __init__(
        self,
        queue: _native.EventQueue,
        connections: dict[int, NativePeerConnection],
        listener: NativeListener | None = None,
    ) -> None:
        self._queue = queue
        self._connections = connections
        self._listener = listener
        self._done = Signal()

    async def run(self) -> None:
        """Pump until everything has ended. When this is cancelled, everything ends."""
        try:
            loop = asyncio_loop()
            if loop is None:
                while not self._done.is_set():
                    await anyio.wait_readable(self._queue)
                    self._turn()
            else:
                await self._run_on(loop)
        finally:
            # Nobody will hear of them any more.
            for connection in self._connections.values():
                connection.end(CloseReason(CloseKind.LOCAL, "closed by this end"))
            if self._listener is not None:
                self._listener.end()
            # Whatever keeps this object must not keep the queue's descriptors: a traceback does, in a cycle.
            del self._queue

    async def _run_on(self, loop: asyncio.AbstractEventLoop) -> None:
        # One registration for all events, and no task to wake for each: a turn of the loop and two
        # system calls less than with wait_readable, which a ping notices.
        descriptor = self._queue.fileno()
        loop.add_reader(descriptor, self._turn)
        try:
            await self._done.wait()
        finally:
            loop.remove_reader(descriptor)

    def _turn(self) -> None:
        for kind, connection_id, key, value in self._queue.take(_EVENTS_PER_TURN):
            connection = self._connections.get(connection_id)
            try:
                if connection is not None:
                    connection.take(kind, key, value)
                elif self._listener is not None:
                    self._take_for(self._listener, kind, connection_id, value)
            except Exception:
                # The seam's promise: a fault above it costs this connection, not the others in the queue.
                logger.exception("%r: an observer failed; the connection is aborted", connection)
                if connection is not None:
                    connection.abort()
            if connection is not None and kind == _native.CLOSED:
                del self._connections[connection_id]
        if self._listener is None and not self._connections:
            self._done.set()

    def _take_for(self, listener: NativeListener, kind: int, connection_id: int, value: Any) -> None:
        if kind == _native.ACCEPTED:
            handle, established = value
            self._connections[connection_id] = listener.take_connection(handle, established)
        elif kind == _native.REFUSED:
            listener.tell_refused(*value)
        elif kind == _native.FAILED:
            listener.tell_failed(*value)
        elif kind == _native.LISTENER_CLOSED:
            listener.end()
            self._listener = None


def _with_key(certificate: LocalCertificate) -> Certificate:
    if isinstance(certificate, Certificate):
        return certificate
    raise LocalProtocolError("the engine needs a certificate with its private key")


def _dial_error(reason: CloseReason, parameters: ConnectParameters) -> HandshakeError:
    match reason.kind:
        case CloseKind.TIMEOUT:
            # "ICE: no answer from the peer", "DTLS did not finish": the step is the first word.
            step = reason.detail.split(maxsplit=1)[0].rstrip(":").lower()
            address = parameters.session.ip, parameters.session.port
            return HandshakeTimeout(step=step, seconds=parameters.timeout, address=address)
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
        "receive_window_process": limits.receive_window_process,
    }
