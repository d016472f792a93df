"""Connections and channels of the browser platform: an ``RTCPeerConnection``, and the credit on it.

They translate and count. Two things a browser does not offer: it takes data from the network as fast
as that comes, whether or not anybody reads (so that only a reset bounds what is unread), and it
discards nothing that it was given to send (so that a reset waits behind it).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from pyodide.ffi import JsException

from webrtc_direct.handshake.roles import Role, Version
from webrtc_direct.platform.base import ConnectionStats, HandshakeTimes
from webrtc_direct.platform.browser_javascript import OUTBOX, Handlers
from webrtc_direct.platform.closing import CloseKind, CloseReason
from webrtc_direct.platform.send_credit import SendCredit
from webrtc_direct.platform.waiting import WaitingChannel, WaitingConnection
from webrtc_direct.runtime.outside_tasks import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.identity.fingerprint import Fingerprint

logger: logging.Logger = logging.getLogger("webrtc_direct.browser")

# Where no event will come, credit is counted again so often, in seconds.
_RECOUNT_SECONDS = 0.01
# When the association ends, the channels' events come first, a few milliseconds ahead of its own.
_CAUSE_SECONDS = 0.005


class BrowserChannel(WaitingChannel):
    """An ``RTCDataChannel``, or nothing any more."""

    def __init__(self, connection: BrowserPeerConnection, channel: Any, limits: Limits) -> None:
        super().__init__()
        self._connection = connection
        self._channel = channel
        self._limit = limits.unsent_bytes_per_channel
        # What the browser does not take before the channel is open; and all that has not left yet.
        self._waiting: list[bytes] = []
        self._unsent = 0
        self._closing = False
        if channel is None:
            self._closed_early = True
            return
        channel.binaryType = "arraybuffer"
        # Above this the event is sure to come; below it there is credit anyhow.
        channel.bufferedAmountLowThreshold = self._limit // 2
        self._handlers = Handlers(
            channel,
            open=connection.guard(self._opened),
            message=connection.guard(self._message),
            bufferedamountlow=connection.guard(self._low),
            close=connection.guard(self._closed),
        )

    @property
    def data_channel_id(self) -> int | None:
        return None if self._channel is None else self._channel.id

    @property
    def writable_bytes(self) -> int:
        room = min(self._limit - self._unsent, self._connection.credit.left)
        if room > 0:
            return room
        self.recount()
        return min(self._limit - self._unsent, self._connection.recounted_credit(self))

    def send(self, messages: Sequence[bytes]) -> None:
        if self._closing or self._channel is None:
            return
        size = sum(map(len, messages))
        self._unsent += size
        self._connection.sent(size)
        if self._channel.readyState == "connecting":
            self._waiting += messages
        else:
            self._pass_on(messages)

    def consumed(self, count: int) -> None:
        self._connection.unread -= count

    def close(self) -> None:
        if self._closing or self._channel is None:
            return
        self._closing = True
        if not self._waiting:
            self._channel.close()

    def reset(self) -> None:
        self._waiting.clear()
        self.close()

    def end(self) -> None:
        """The channel is gone: tell the observer, once, and let go of the browser's object."""
        if self._channel is None:
            return
        self._handlers.detach()
        self._channel = None
        self._waiting.clear()
        self._connection.forget(self, self._unsent)
        self._unsent = 0
        if not self._closing:
            self.tell_closed()

    def recount(self) -> None:
        """Ask the browser how much has not left yet."""
        if self._channel is None:
            return
        unsent = sum(map(len, self._waiting)) + self._channel.bufferedAmount
        left, self._unsent = self._unsent - unsent, unsent
        self._connection.credit.give_back(left)

    def _pass_on(self, messages: Sequence[bytes]) -> None:
        send = self._channel.send
        try:
            for message in messages:
                send(OUTBOX.copy(message))
        except JsException as error:
            # A channel that is about to close takes nothing; its event is on the way.
            if self._channel.readyState == "open":
                problem = f"the browser refused to send: {error.message}"
                self._connection.end(CloseReason(CloseKind.ENGINE, problem))

    # What the browser tells.

    def _opened(self, _event: Any) -> None:
        waiting, self._waiting = self._waiting, []
        self._pass_on(waiting)
        if self._closing:
            self._channel.close()
        self._connection.channel_open(self)

    def _message(self, event: Any) -> None:
        content = event.data
        data: bytes = content.encode() if isinstance(content, str) else content.to_bytes()
        connection = self._connection
        connection.received(len(data))
        # After its end by this side nobody listens any more.
        dealt = len(data) if self._closing else self.tell_data(data)
        connection.unread -= dealt

    def _low(self, _event: Any) -> None:
        self.recount()
        self.tell_writable()

    def _closed(self, _event: Any) -> None:
        self._connection.channel_closed(self, by_peer=not self._closing)


class BrowserPeerConnection(WaitingConnection):
    """An ``RTCPeerConnection``. It counts as one only once ``established``.

    Once ended it lets go of the browser's objects, and they of it.
    """

    can_slow_peer = False

    def __init__(
        self,
        connection: Any,
        handshake_channel: Any,
        *,
        limits: Limits,
        version: Version,
        remote: tuple[str, int],
        local_fingerprint: Fingerprint,
        remote_fingerprint: Fingerprint,
    ) -> None:
        super().__init__()
        self.role = Role.CLIENT
        self.version: Version = version
        self.remote = remote
        self.local_fingerprint = local_fingerprint
        self.remote_fingerprint = remote_fingerprint
        self.times: HandshakeTimes = HandshakeTimes()
        self.unread: int = 0
        self.credit: SendCredit = SendCredit(limits.unsent_bytes)
        self.established: Signal = Signal()
        self._connection = connection
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self._closed_by_peer: list[BrowserChannel] = []
        self._ended = Signal()
        self._closing = False
        self._bytes_sent = self._bytes_received = 0
        self._channels: dict[BrowserChannel, None] = {}
        self._handlers = [Handlers(connection, datachannel=self.guard(self._take_channel))]
        self.handshake_channel: BrowserChannel = self._add(handshake_channel)

    def __repr__(self) -> str:
        state = "open" if self.reason is None else self.reason.kind.value
        return f"<BrowserPeerConnection to {self.remote[0]} port {self.remote[1]}, {state}>"

    @property
    def ice_state(self) -> str | None:
        """The state of ICE, in the browser's words; ``None`` after the end."""
        return None if self._connection is None else self._connection.iceConnectionState

    def watch(self, target: Any = None, **handlers: Callable[[Any], None]) -> None:
        """Call *handlers* at the events of the ``RTCPeerConnection``, or of a part of it, until the end."""
        guarded = {event: self.guard(handler) for event, handler in handlers.items()}
        if target is None:
            self._handlers[0].add(**guarded)
        else:
            self._handlers.append(Handlers(target, **guarded))

    def open_channel(self) -> BrowserChannel:
        if self._connection is not None:
            try:
                return self._add(self._connection.createDataChannel(""))
            except JsException as error:
                logger.debug("%r: no channel: %s", self, error.message)
        return BrowserChannel(self, None, self._limits)

    def close(self) -> None:
        if self.reason is not None or self._closing:
            return
        self._closing = True
        # A channel closes when its queue is empty and the peer has acknowledged that. Channel 0 has
        # nothing left to say, and not every peer answers there.
        for channel in self._channels:
            if channel is not self.handshake_channel:
                channel.close()
        self.later(self._limits.close_timeout, self.abort)
        self._close_if_done()

    def abort(self) -> None:
        self.end(CloseReason(CloseKind.LOCAL, "closed by this end"))

    def is_stalled(self) -> bool:
        # A browser hands over everything.
        return False

    async def wait_closed(self) -> CloseReason:
        await self._ended.wait()
        if self.reason is None:
            raise AssertionError("closed without a reason")
        return self.reason

    def stats(self) -> ConnectionStats:
        for channel in self._channels:
            channel.recount()
        return ConnectionStats(
            bytes_sent=self._bytes_sent,
            bytes_received=self._bytes_received,
            unread_bytes=self.unread,
            unsent_bytes=self.credit.used,
            channels=len(self._channels),
        )

    def end(self, reason: CloseReason) -> None:
        """The connection has ended; whoever waits for anything of it learns that."""
        if self.reason is not None:
            return
        self.reason: CloseReason | None = reason
        for timer in self._timers.values():
            timer.cancel()
        for handlers in self._handlers:
            handlers.detach()
        self._handlers.clear()
        self._connection.close()
        self._connection = None
        self.established.set()
        self._ended.set()
        if self._observer is not None:
            self._observer.connection_closed(reason)
        for channel in tuple(self._channels):
            channel.end()

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call *function* once, unless that is due already or the connection ends before it."""

        def call(_event: Any) -> None:
            del self._timers[function]
            function()

        if function not in self._timers:
            self._timers[function] = self._loop.call_later(seconds, self.guard(call), None)

    def not_later(self, function: Callable[[], None]) -> None:
        """Do not call *function*, if that is due."""
        if timer := self._timers.pop(function, None):
            timer.cancel()

    def guard(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return *handler* for JavaScript to call: a fault in it ends this connection, and nothing else."""

        def call(event: Any) -> None:
            if self.reason is not None:
                return
            try:
                handler(event)
            except Exception:
                logger.exception("%r: an observer failed; the connection is aborted", self)
                self.abort()

        return call

    # From its channels.

    def sent(self, size: int) -> None:
        """A channel was given so many bytes."""
        self.credit.take(size)
        self._bytes_sent += size

    def received(self, size: int) -> None:
        """So many bytes have come, and are unread."""
        self.unread += size
        self._bytes_received += size

    def recounted_credit(self, channel: BrowserChannel) -> int:
        """Return the credit as it is now; where there is none, *channel* is told when there is."""
        if self.credit.left <= 0:
            self._recount()
        return self.credit.room(channel)

    def channel_open(self, channel: BrowserChannel) -> None:
        """The browser has opened *channel*."""
        if channel is self.handshake_channel:
            self.established.set()

    def channel_closed(self, channel: BrowserChannel, *, by_peer: bool) -> None:
        """The browser has closed *channel*, alone or because the association is gone."""
        if by_peer:
            self._closed_by_peer.append(channel)
            self.later(_CAUSE_SECONDS, self._end_closed)
        else:
            channel.end()
            self._close_if_done()

    def forget(self, channel: BrowserChannel, unsent: int) -> None:
        """A channel has ended with so much in its queue."""
        self._channels.pop(channel, None)
        self.credit.leave(channel, unsent)

    def _end_closed(self) -> None:
        closed, self._closed_by_peer = self._closed_by_peer, []
        for channel in closed:
            channel.end()
        self._close_if_done()

    def _recount(self) -> None:
        for channel in tuple(self._channels):
            channel.recount()
        if self.credit.left <= 0:
            # Each channel may be below the threshold at which an event comes.
            self.later(_RECOUNT_SECONDS, self._recount)

    def _add(self, channel: Any) -> BrowserChannel:
        added = BrowserChannel(self, channel, self._limits)
        self._channels[added] = None
        return added

    def _take_channel(self, event: Any) -> None:
        channel = event.channel
        limit = self._limits.max_channel_label
        if len(channel.label) > limit or len(channel.protocol) > limit:
            channel.close()
            return
        self.tell_opened(self._add(channel))

    def _close_if_done(self) -> None:
        if self._closing and set(self._channels) <= {self.handshake_channel}:
            self.abort()
