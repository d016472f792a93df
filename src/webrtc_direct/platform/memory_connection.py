"""A connection of the memory platform: two ends in one process and one event loop.

It owns channels, credit, back-pressure and the order of delivery as a real association
has them, and a few faults on demand. It knows nothing of addresses and of dialing.
"""

from __future__ import annotations

import logging
from collections import deque
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.handshake.roles import Role, Version
from webrtc_direct.platform.base import HANDSHAKE_CHANNEL_ID, ConnectionStats, HandshakeTimes
from webrtc_direct.platform.closing import CloseKind, CloseReason
from webrtc_direct.platform.send_credit import SendCredit
from webrtc_direct.platform.waiting import WaitingChannel, WaitingConnection
from webrtc_direct.runtime.outside_tasks import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import TaskGroup

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.identity.fingerprint import Fingerprint

logger: logging.Logger = logging.getLogger("webrtc_direct.memory")

# As much as the native engine hands over in one call.
_DELIVERY_BYTES = 256 * 1024


class _Kind(Enum):
    OPEN = "open"
    DATA = "data"
    CLOSE = "close"
    END = "end"


class MemoryLink:
    """The two ends of a connection, with the faults that a test can cause."""

    def __init__(self, client: MemoryConnection, server: MemoryConnection) -> None:
        self.client = client
        self.server = server
        client.join(server, self)
        server.join(client, self)
        self.paused: bool = False

    def pause(self) -> None:
        """Deliver nothing until ``resume``."""
        self.paused = True

    def resume(self) -> None:
        """Deliver again."""
        self.paused = False
        self.client.wake()
        self.server.wake()

    def lose(self) -> None:
        """End both ends at once, as a silent network does after a while."""
        reason = CloseReason(CloseKind.TIMEOUT, "the peer fell silent")
        self.client.end(reason)
        self.server.end(reason)


class MemoryChannel(WaitingChannel):
    """One end of a data channel."""

    def __init__(self, connection: MemoryConnection, channel_id: int, limits: Limits) -> None:
        super().__init__()
        self._connection = connection
        self._id = channel_id
        self._limit = limits.unsent_bytes_per_channel
        self.closing: bool = False
        self.closed: bool = False
        self.unsent = 0

    @property
    def data_channel_id(self) -> int:
        return self._id

    @property
    def writable_bytes(self) -> int:
        return min(self._limit - self.unsent, self._connection.credit.room(self))

    def send(self, messages: Sequence[bytes]) -> None:
        if not (self.closing or self.closed):
            self._connection.submit(self, messages)

    def consumed(self, count: int) -> None:
        self._connection.consumed(count)

    def close(self) -> None:
        if not (self.closing or self.closed):
            self.closing = True
            self._connection.submit_close(self)

    def reset(self) -> None:
        if not (self.closing or self.closed):
            self.closing = True
            self._connection.discard(self)
            self._connection.submit_close(self)

    def end(self) -> None:
        """Tell the observer, once, that the channel is gone."""
        if not self.closed:
            self.closed = True
            self._connection.credit.leave(self, 0)
            self.tell_closed()


class MemoryConnection(WaitingConnection):
    """One end of a connection. What the peer sent waits in its inbox, in one order, as in SCTP."""

    def __init__(
        self,
        role: Role,
        version: Version,
        *,
        local: Fingerprint,
        remote: Fingerprint,
        remote_address: tuple[str, int],
        limits: Limits,
    ) -> None:
        super().__init__()
        self.role = role
        self.version: Version = version
        self.local_fingerprint = local
        self.remote_fingerprint = remote
        self.remote = remote_address
        self.times: HandshakeTimes = HandshakeTimes()
        self.unread: int = 0
        self._limits = limits
        self._ids = count(2 if role is Role.CLIENT else 1, 2)
        self._inbox: deque[tuple[_Kind, int, Sequence[bytes]]] = deque()
        self._wake = Signal()
        self._ended = Signal()
        self.credit: SendCredit = SendCredit(limits.unsent_bytes)
        self._sent = 0
        self._closing = False
        self._paused = False
        self.handshake_channel: MemoryChannel = MemoryChannel(self, HANDSHAKE_CHANNEL_ID, limits)
        self._channels = {HANDSHAKE_CHANNEL_ID: self.handshake_channel}

    def join(self, peer: MemoryConnection, link: MemoryLink) -> None:
        """Tie this end to its *peer*."""
        self._peer = peer
        self._link = link

    def start(self, task_group: TaskGroup) -> None:
        """Deliver what the peer sends, from a task in *task_group*."""
        self._task_group = task_group
        task_group.start_soon(self._run, name="webrtc_direct memory connection")

    def open_channel(self) -> MemoryChannel:
        channel = MemoryChannel(self, next(self._ids), self._limits)
        if self.reason is not None:
            channel.end()
            return channel
        self._channels[channel.data_channel_id] = channel
        self._peer.receive(_Kind.OPEN, channel.data_channel_id, ())
        return channel

    def close(self) -> None:
        if self.reason is None and not self._closing:
            self._closing = True
            self._peer.receive(_Kind.END, HANDSHAKE_CHANNEL_ID, ())
            self._task_group.start_soon(self._close_at_the_latest, name="webrtc_direct memory close")

    def abort(self) -> None:
        if self.reason is None:
            self.end(CloseReason(CloseKind.LOCAL, "closed by this end"))
            self._peer.hurry()

    def is_stalled(self) -> bool:
        return bool(self._inbox) and self.unread >= self._limits.unread_bytes

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self.wake()

    async def wait_closed(self) -> CloseReason:
        await self._ended.wait()
        if self.reason is None:  # pragma: no cover - the event is set after the reason
            raise AssertionError
        return self.reason

    def stats(self) -> ConnectionStats:
        return ConnectionStats(
            bytes_sent=self._sent,
            bytes_received=self._peer._sent - self._peer.credit.used,  # noqa: SLF001 - of the same class
            unread_bytes=self.unread,
            unsent_bytes=self.credit.used,
            channels=len(self._channels),
        )

    # From this end's channels.

    def submit(self, channel: MemoryChannel, messages: Sequence[bytes]) -> None:
        """Send *messages* on *channel*."""
        size = sum(map(len, messages))
        channel.unsent += size
        self.credit.take(size)
        self._sent += size
        self._peer.receive(_Kind.DATA, channel.data_channel_id, messages)

    def submit_close(self, channel: MemoryChannel) -> None:
        """Reset *channel* once what it sent is delivered."""
        self._peer.receive(_Kind.CLOSE, channel.data_channel_id, ())

    def discard(self, channel: MemoryChannel) -> None:
        """Forget what *channel* sent and the peer did not take yet."""
        self._peer.forget(channel.data_channel_id)
        unsent, channel.unsent = channel.unsent, 0
        self.credit.leave(channel, unsent)

    def consumed(self, count: int) -> None:
        """Lower the unread total."""
        if count < 0:
            raise ValueError(f"{count} bytes cannot be consumed")
        stopped = self.unread >= self._limits.unread_bytes
        self.unread -= count
        if stopped:
            self.wake()

    # From the peer.

    def receive(self, kind: _Kind, channel_id: int, messages: Sequence[bytes]) -> None:
        """Take something that the peer sent."""
        self._inbox.append((kind, channel_id, messages))
        self.wake()

    def forget(self, channel_id: int) -> None:
        """Drop data of this channel that was not delivered."""
        self._inbox = deque(item for item in self._inbox if (item[0], item[1]) != (_Kind.DATA, channel_id))

    def hurry(self) -> None:
        """The peer aborted: nothing but that counts any more."""
        self._inbox.clear()
        self.receive(_Kind.END, HANDSHAKE_CHANNEL_ID, ())

    def delivered(self, channel_id: int, size: int) -> None:
        """The peer took *size* bytes of this channel; tell who may write again."""
        self.credit.give_back(size)
        if channel := self._channels.get(channel_id):
            channel.unsent -= size
            channel.tell_writable()

    def wake(self) -> None:
        """Let the delivering task look at its inbox."""
        self._wake.set()

    def end(self, reason: CloseReason) -> None:
        """End this end of the connection, once."""
        if self.reason is not None:
            return
        self.reason: CloseReason | None = reason
        self._inbox.clear()
        channels, self._channels = self._channels, {}
        self._ended.set()
        self._wake.set()
        if self._observer is not None:
            self._observer.connection_closed(reason)
        for channel in channels.values():
            channel.end()

    # Delivery.

    async def _run(self) -> None:
        try:
            while self.reason is None:
                await self._wake.wait()
                self._wake = Signal()
                while self._inbox and self._may_deliver():
                    self._deliver_next()
                    await anyio.lowlevel.checkpoint()
        except Exception:
            logger.exception("an observer failed; the connection ends")
            self.end(CloseReason(CloseKind.ENGINE, "an observer failed"))
            self._peer.hurry()

    def _may_deliver(self) -> bool:
        stopped = self._paused or self._link.paused
        return not stopped and self.unread < self._limits.unread_bytes

    def _deliver_next(self) -> None:
        kind, channel_id, messages = self._inbox.popleft()
        if kind is _Kind.END:
            self.end(CloseReason(CloseKind.REMOTE, "closed by the peer"))
            self._peer.end(CloseReason(CloseKind.LOCAL, "closed by this end"))
        elif kind is _Kind.DATA:
            self._deliver_data(channel_id, list(messages))
        elif kind is _Kind.OPEN:
            channel = MemoryChannel(self, channel_id, self._limits)
            self._channels[channel_id] = channel
            self.tell_opened(channel)
        elif closed := self._channels.pop(channel_id, None):
            if not closed.closing:
                # RFC 8831 section 6.7: an incoming reset is answered with one of ours.
                self._peer.receive(_Kind.CLOSE, channel_id, ())
            closed.end()

    def _deliver_data(self, channel_id: int, messages: list[bytes]) -> None:
        size = sum(map(len, messages))
        while self._inbox and size < _DELIVERY_BYTES and self._inbox[0][:2] == (_Kind.DATA, channel_id):
            more = self._inbox.popleft()[2]
            messages += more
            size += sum(map(len, more))
        if channel := self._channels.get(channel_id):
            # Not in one statement: the observer may call consumed() meanwhile.
            data = b"".join(messages)
            unread = len(data) - channel.tell_data(data)
            self.unread += unread
        self._peer.delivered(channel_id, size)

    async def _close_at_the_latest(self) -> None:
        with anyio.move_on_after(self._limits.close_timeout):
            await self._ended.wait()
        self.abort()
