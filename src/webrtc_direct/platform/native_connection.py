"""Connections and channels of the native platform: a handle of the engine, and the credit on it.

They translate and count; what to do about a connection is decided above the seam, and how, in
the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webrtc_direct import _native
from webrtc_direct.address.zones import name_zone
from webrtc_direct.handshake.roles import Role, Version
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.platform.base import HANDSHAKE_CHANNEL_ID, ConnectionStats, DataChannel, HandshakeTimes
from webrtc_direct.platform.closing import CloseKind, CloseReason
from webrtc_direct.platform.send_credit import SharedSendCredit
from webrtc_direct.platform.waiting import WaitingChannel, WaitingConnection
from webrtc_direct.runtime.outside_tasks import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webrtc_direct.bounds.limits import Limits

# The engine's key of channel 0, and one that it never uses.
_HANDSHAKE_KEY = 0
_ENDED_KEY = -1


class NativeChannel(WaitingChannel):
    """A data channel of the engine."""

    def __init__(self, connection: NativePeerConnection, key: int, credit: int) -> None:
        super().__init__()
        self._connection = connection
        self._key = key
        self._credit = credit
        self._unsent = 0
        self._ended = False

    @property
    def data_channel_id(self) -> int | None:
        return HANDSHAKE_CHANNEL_ID if self._key == _HANDSHAKE_KEY else None

    @property
    def writable_bytes(self) -> int:
        return min(self._credit, self._connection.credit.room(self))

    def send(self, messages: Sequence[bytes]) -> None:
        if self._ended or not messages:
            return
        size = sum(map(len, messages))
        self._credit -= size
        self._unsent += size
        self._connection.send(self._key, list(messages), size)

    def consumed(self, count: int) -> None:
        if count:
            self._connection.consumed(count)

    def close(self) -> None:
        if not self._ended:
            self._end()
            self._connection.close_channel(self._key)
            # It is told nothing any more. Else each stream would be a cycle, for the garbage collector, and
            # everything stands still while that works.
            self._observer = None

    def reset(self) -> None:
        if not self._ended:
            self._end()
            self._connection.reset_channel(self._key)
            self._observer = None

    def receive(self, data: bytes) -> None:
        """Take data from the engine."""
        self.consumed(self.tell_data(data))

    def grant(self, count: int) -> None:
        """Take credit from the engine: so many bytes have left the queue."""
        self._credit += count
        self._unsent -= count
        self._connection.credit.give_back(count)
        self.tell_writable()

    def end(self) -> None:
        """The peer reset it, or the connection ended."""
        if not self._ended:
            self._end()
            self.tell_closed()
            self._observer = None

    def _end(self) -> None:
        self._ended = True
        self._connection.forget(self._key)
        self._connection.credit.leave(self, self._unsent)
        self._unsent = 0


class NativePeerConnection(WaitingConnection):
    """A connection of the engine. It counts as one only once ``established``.

    Once ended it lets go of the engine's handle, so that whoever still holds this object
    keeps no thread alive.
    """

    def __init__(
        self,
        handle: _native.Connection,
        *,
        role: Role,
        limits: Limits,
        local_fingerprint: Fingerprint,
        on_answer: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        self.version: Version
        self.remote: tuple[str, int]
        self.remote_fingerprint: Fingerprint
        self.times: HandshakeTimes
        self.connection_id: int = handle.id
        self.role = role
        self.local_fingerprint = local_fingerprint
        self.credit: SharedSendCredit = SharedSendCredit(limits.unsent_bytes, limits.unsent_bytes_process)
        self.established: Signal = Signal()
        self._handle: _native.Connection | None = handle
        self._on_answer = on_answer
        self._limits = limits
        self._last_stats: dict[str, Any] = {}
        self._closed = Signal()
        self._channels: dict[int, NativeChannel] = {}
        self.handshake_channel: NativeChannel = self._add_channel(_HANDSHAKE_KEY)

    def __repr__(self) -> str:
        state = "open" if self.reason is None else self.reason.kind.value
        return f"<NativePeerConnection {self.connection_id} {self.role.value} {state}>"

    def open_channel(self) -> DataChannel:
        if self._handle is not None:
            return self._add_channel(self._handle.open_channel())
        # A key that the engine gives to nobody: this channel is one that has ended.
        channel = self._add_channel(_ENDED_KEY)
        channel.end()
        return channel

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()

    def abort(self) -> None:
        if self._handle is not None:
            self._handle.abort()

    def authenticated(self) -> None:
        if self._handle is not None:
            self._handle.authenticated()

    def is_stalled(self) -> bool:
        return self._handle is not None and self._handle.is_stalled()

    def pause(self) -> None:
        if self._handle is not None:
            self._handle.pause()

    def resume(self) -> None:
        if self._handle is not None:
            self._handle.resume()

    def heard(self) -> int:
        return self.stats().datagrams_received

    async def wait_closed(self) -> CloseReason:
        await self._closed.wait()
        if self.reason is None:
            raise AssertionError("closed without a reason")
        return self.reason

    def stats(self) -> ConnectionStats:
        if self._handle is not None:
            self._last_stats = self._handle.stats()
        return ConnectionStats(unsent_bytes=self.credit.used, **self._last_stats)

    def send(self, key: int, messages: list[bytes], size: int) -> None:
        """Hand *messages* of a channel to the engine; *size* is that of all together."""
        if self._handle is not None:
            self.credit.take(size)
            self._handle.send(key, messages)

    def consumed(self, count: int) -> None:
        """So many bytes more are not unread any more."""
        if self._handle is not None:
            self._handle.consumed(count)

    def close_channel(self, key: int) -> None:
        """Reset a channel once its queue is empty."""
        if self._handle is not None:
            self._handle.close_channel(key)

    def reset_channel(self, key: int) -> None:
        """Reset a channel now."""
        if self._handle is not None:
            self._handle.reset_channel(key)

    def forget(self, key: int) -> None:
        """A channel has ended."""
        self._channels.pop(key, None)

    def take(self, kind: int, key: int, value: Any) -> None:
        """Take an event of the engine."""
        if kind == _native.DATA:
            channel = self._channels.get(key)
            if channel is None:
                # It was on its way when this end reset the channel.
                self.consumed(len(value))
            else:
                channel.receive(value)
        elif kind == _native.WRITABLE:
            if channel := self._channels.get(key):
                channel.grant(value)
        elif kind == _native.OPENED:
            self._take_channel(key)
            # Where more of these waited than the engine hands over, it goes on.
            self.consumed(0)
        elif kind == _native.DISCARDED:
            count, size = value
            self.consumed(size)
            if self._observer is not None:
                self._observer.channels_discarded(count)
        elif kind == _native.CHANNEL_CLOSED:
            if channel := self._channels.get(key):
                channel.end()
        else:
            self._take_state(kind, value)

    def _take_state(self, kind: int, value: Any) -> None:
        if kind == _native.ANSWERED and self._on_answer is not None:
            self._on_answer()
        elif kind == _native.CONNECTED:
            self.establish(value)
        elif kind == _native.CLOSED:
            name, detail, received = value
            self.end(CloseReason(CloseKind(name), detail, received and Fingerprint(received)))

    def establish(self, value: tuple[Any, ...]) -> None:
        """Take what is known now that the connection is up."""
        self.version, ip, port, fingerprint, ice, dtls, sctp = value
        self.remote = (name_zone(ip), port)
        self.remote_fingerprint = Fingerprint(fingerprint)
        self.times = HandshakeTimes(ice=ice, dtls=dtls, sctp=sctp)
        self.established.set()

    def _add_channel(self, key: int) -> NativeChannel:
        channel = NativeChannel(self, key, self._limits.unsent_bytes_per_channel)
        self._channels[key] = channel
        return channel

    def _take_channel(self, key: int) -> None:
        channel = self._add_channel(key)
        self.tell_opened(channel)

    def end(self, reason: CloseReason) -> None:
        """The connection has ended; whoever waits for anything of it learns that."""
        if self.reason is not None:
            return
        self.reason: CloseReason | None = reason
        if self._handle is not None:
            self._last_stats = self._handle.stats()
            self._handle.abort()
            self._handle = None
        self.established.set()
        self._closed.set()
        if self._observer is not None:
            self._observer.connection_closed(reason)
        for channel in list(self._channels.values()):
            channel.end()
        self.credit.end()
