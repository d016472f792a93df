"""A connection whose peer is authenticated: opening streams, serving the peer's, ending it.

It knows nothing of what is below the data channels, nor of what travels on a stream.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from webrtc_direct.bounds.process_budget import PROCESS_PENDING_STREAMS, Share
from webrtc_direct.bounds.refusals import Rate, Refusals
from webrtc_direct.connection.handlers import Handler, Handlers, is_expected
from webrtc_direct.connection.opening import OpeningStream
from webrtc_direct.errors import (
    HandshakeTimeout,
    LimitExceeded,
    LocalProtocolError,
    WebRtcDirectError,
)
from webrtc_direct.handshake.roles import Role
from webrtc_direct.platform.closing import CloseKind, CloseReason, ConnectionLost
from webrtc_direct.runtime.outside_tasks import Signal, Starter
from webrtc_direct.runtime.user_code import contained
from webrtc_direct.streams.negotiation import accept_protocol, propose_lazily, propose_protocols
from webrtc_direct.streams.silent_channels import SilentChannels
from webrtc_direct.streams.stream import Stream
from webrtc_direct.streams.stream_table import StreamTable
from webrtc_direct.streams.stream_turns import WaitingStreams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from webrtc_direct.connection.local_end import LocalEnd
    from webrtc_direct.connection.peer_info import IdentifyInfo
    from webrtc_direct.connection.step_times import StepTimes
    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.identity.fingerprint import Fingerprint
    from webrtc_direct.identity.identity import PeerId, PublicKey
    from webrtc_direct.platform.base import ConnectionStats, DataChannel, PeerConnection

logger: logging.Logger = logging.getLogger("webrtc_direct.connection")


class Connection:
    """An authenticated connection to one peer. ``dial`` and ``Listener`` make it."""

    def __init__(
        self,
        peer: PeerConnection,
        tasks: TaskGroup,
        local: LocalEnd,
        *,
        public_key: PublicKey,
        times: StepTimes,
    ) -> None:
        self.local = local
        self.public_key = public_key
        """The peer's public key, proved in the Noise handshake."""
        self.peer_id: PeerId = public_key.peer_id
        """The peer's id, proved in the Noise handshake."""
        self.times = times
        """How long each step took; a listener knows only some."""
        self.identified: IdentifyInfo | None = None
        """What the peer has said of itself last: to ``identify``, or by a push of its own."""
        self.on_identified: Callable[[IdentifyInfo], object] | None = None
        """May be set to a function that is called with what the peer pushes."""
        self._peer = peer
        self._starter = Starter(tasks)
        is_dialed = peer.role is Role.CLIENT
        self._handlers = local.handlers if is_dialed else Handlers({}, others=local.handlers)
        self._pending = Share(PROCESS_PENDING_STREAMS)
        self._closing = False
        self._closed = Signal()
        self._refusals = Refusals(local.limits, whole=local.refusals)
        self._stream_rate = Rate(local.limits.streams_per_second, local.refusals.clock)
        pushes = local.limits.identify_pushes_per_minute
        self.pushes: Rate = Rate(pushes / 60, local.refusals.clock, burst=pushes)
        self._waiting = WaitingStreams(self._serve_soon, pending=self._pending, wake=self._starter.wake)
        self._table = StreamTable(
            self._starter, peer, self._refusals, end=self.end, over=self._waiting.discard
        )
        self._silent = SilentChannels(self._table, self._refusals, self._pending, self._begin_stream)
        logger.info("%r: authenticated", self)
        peer.observer = self

    def __repr__(self) -> str:
        state = "open" if self._table.reason is None else f"ended: {self._table.reason.kind.value}"
        host, port = self.remote
        what = f"{self.peer_id} at {host} port {port}, {self.role.value}, {self.version}"
        return f"<Connection to {what}, {state}>"

    @property
    def local_peer_id(self) -> PeerId:
        """The peer id that this end has proved to the peer."""
        return self.local.identity.peer_id

    @property
    def is_open(self) -> bool:
        """Whether streams can be opened: it has not ended, and this end is not closing it."""
        return self._table.reason is None and not self._closing

    @property
    def role(self) -> Role:
        """Whether this end is the client, which dialed, or the server."""
        return self._peer.role

    @property
    def version(self) -> Version:
        """Version of the WebRTC-Direct handshake."""
        return self._peer.version

    @property
    def local_fingerprint(self) -> Fingerprint:
        """SHA-256 of this end's DTLS certificate."""
        return self._peer.local_fingerprint

    @property
    def remote_fingerprint(self) -> Fingerprint:
        """SHA-256 of the peer's DTLS certificate."""
        return self._peer.remote_fingerprint

    @property
    def remote(self) -> tuple[str, int]:
        """IP address and UDP port of the peer when the connection began; they may change later."""
        return self._peer.remote

    @property
    def protocols(self) -> list[str]:
        """The protocols that this end serves on this connection, in order, but for those with a ``*``."""
        return list(self._handlers)

    @property
    def streams(self) -> int:
        """How many streams are open, or are waiting for the peer to confirm their end."""
        return len(self._table.streams) + len(self._silent)

    def stats(self) -> ConnectionStats:
        """Return the current counters."""
        return self._peer.stats()

    @property
    def refusals(self) -> dict[str, int]:
        """How often each limit has refused something on this connection, by the name of its field."""
        return dict(self._refusals.counts)

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve *protocol* on this connection with *handler*, from now on.

        A *protocol* that ends in ``*`` stands for all that begin so; ``stream.protocol`` says which one it
        is. One with the whole name comes first, then the longest with a ``*``; those of the connection come
        before those of its listener.
        """
        self._handlers.add(protocol, handler)

    def unhandle(self, protocol: str) -> None:
        """Serve *protocol* on this connection no more; streams that are open go on.

        Raises:
            LocalProtocolError: it has no handler of its own, or of its dial, by that name.
        """
        self._handlers.remove(protocol)

    def open_stream(self, *protocols: str, lazy: bool = False) -> OpeningStream:
        """Open a stream for the first of *protocols* that the peer supports.

        Use it as ``async with connection.open_stream(...) as stream``, which closes the stream
        or, on an exception, resets it; or as ``stream = await connection.open_stream(...)``.

        With *lazy*, and one protocol, it does not wait for the peer's answer, which saves a round trip.
        What you write is sent at once, up to 64 KiB until the answer comes. If the peer does not support the
        protocol, it is lost, and then reading, writing and ``wait_acknowledged`` raise ProtocolNotSupported.

        Raises:
            ProtocolNotSupported: the peer supports none of them.
            HandshakeTimeout: the peer is there, but did not answer in ``Limits.negotiation_timeout``.
            RemoteProtocolError: the peer's answer makes no sense.
            LimitExceeded: the connection already has ``Limits.max_channels`` streams.
            StreamReset: the peer refused the stream.
            ConnectionLost: the connection ended.
        """
        if not protocols:
            raise ValueError("open_stream needs at least one protocol")
        if not lazy:
            return OpeningStream(self._open_stream, protocols)
        if len(protocols) > 1:
            raise ValueError(f"a lazy open_stream takes one protocol, not {len(protocols)}")
        return OpeningStream(self._open_lazily, protocols)

    async def open_raw_stream(self) -> Stream:
        """Open a stream on which no protocol is agreed yet: that is up to who has it.

        The peer waits for what this end sends first, which in libp2p is multistream-select.

        Raises:
            LimitExceeded: the connection has ``Limits.max_channels`` streams already.
            ConnectionLost: the connection ended.
        """
        await checkpoint_if_cancelled()  # What has ended the connection may be the same cancellation.
        if self._table.reason is not None:
            raise ConnectionLost(self._table.reason)
        if self._closing:
            raise ConnectionLost(CloseReason(CloseKind.LOCAL, "this end is closing it"))
        limits = self.local.limits
        if self.streams >= limits.max_channels:
            raise LimitExceeded("max_channels", limits.max_channels)
        self._table.share.add(1)
        return Stream(self, self._table, self._peer.open_channel(), opened_by_peer=False)

    async def wait_closed(self) -> CloseReason:
        """Return why the connection ended, once it has."""
        await self._closed.wait()
        reason = self._table.reason
        if reason is None:
            raise AssertionError("the event is set after the reason")
        return reason

    async def serve_streams(self) -> None:
        """Run the handlers of the streams that the peer opens, until the connection has ended."""
        while not self._starter.has_stopped:
            await self._starter.wait()
            self._starter.start_due()
            await self._waiting.turns.drive(self._starter)

    def refuse(self, limit: str) -> None:
        """Count that *limit* has refused something that the peer did."""
        self._refusals.refuse(limit)

    async def give_up(self, stream: Stream) -> None:
        """Reset *stream*, whose answer is overdue, and return once the peer is heard from again.

        A peer that is alive acknowledges the reset at once. One that has vanished is not merely slow:
        its silence ends the connection after ``Limits.silence_timeout``.

        Raises:
            ConnectionLost: the connection ended.
        """
        heard = self._table.life.heard()
        stream.reset("the peer did not answer in time")
        await self._table.life.hear_again(heard)

    async def aclose(self) -> None:
        """Deliver what was written, then end the connection, at the latest after ``Limits.close_timeout``.

        This waits until the peer has confirmed the end of streams that were closed. Whatever
        still uses the connection gets ConnectionLost.
        """
        if self._table.reason is None and not self._closing:
            self._closing = True
            self._table.timers.stop_background()
            try:
                with anyio.move_on_after(self.local.limits.close_timeout):
                    for stream in self._table.endings.unconfirmed():
                        # A reset stream has nothing to deliver; the end of the connection shows below.
                        with suppress(WebRtcDirectError):
                            await stream.wait_acknowledged()
                    self._peer.close()
                    await self._closed.wait()
            finally:
                self.abort()
        await self._closed.wait()

    def abort(self) -> None:
        """End the connection now. Written data that was not sent is lost."""
        self.end(CloseReason(CloseKind.LOCAL, "closed by this end"))

    def end(self, reason: CloseReason) -> None:
        """Abort the connection for *reason*, which everything that waits on it is told."""
        if self._table.reason is None:
            # First, because the platform has a reason of its own to tell.
            self.connection_closed(reason)
            self._peer.abort()

    async def run_until_end(self, background: Callable[[Connection], Awaitable[None]]) -> None:
        """Run *background* with this connection; it is cancelled when the connection closes."""
        await self._table.timers.run_until_end(background, self)

    # What the platform tells.

    def channel_opened(self, channel: DataChannel) -> None:
        """Take a channel that the peer opened (``ConnectionObserver``)."""
        limit = self._refusing()
        if limit is not None:
            self._refusals.refuse(limit)
        if limit is not None or self._closing or self._table.reason is not None:
            channel.reset()
            return
        if self.local.on_stream is None:
            self._silent.add(channel)
            return
        self._table.share.add(1)
        stream = Stream(self, self._table, channel, opened_by_peer=True)
        with contained(lambda error: self._failed(stream, error)):
            self.local.on_stream(stream)

    def channels_discarded(self, count: int) -> None:
        """Count channels that came and went (``ConnectionObserver``)."""
        for _ in range(count):
            if not self._stream_rate.allows():
                self._refusals.refuse("streams_per_second")
            self._table.count_reset()

    def connection_closed(self, reason: CloseReason) -> None:
        """Tell everything that waits (``ConnectionObserver``)."""
        if self._table.reason is None:
            self._table.end(reason)
            self._silent.end()
            self._waiting.clear()
            self._pending.end()
            # What a peer gave as its reason is escaped.
            logger.info("%r: %r", self, reason.detail)
            self._closed.set()
            self._starter.stop()

    def _refusing(self) -> str | None:
        """Return the limit that refuses one more stream of the peer."""
        limits = self.local.limits
        if not self._stream_rate.allows():
            return "streams_per_second"
        if self._pending.count >= limits.max_pending_streams:
            return "max_pending_streams"
        if not self._pending.may_grow(limits.max_pending_streams_process):
            return "max_pending_streams_process"
        if not self._table.share.may_grow(limits.max_streams_process):
            return "max_streams_process"
        if self.streams >= limits.max_channels:
            return "max_channels"
        return None

    def _begin_stream(self, channel: DataChannel, data: bytes) -> int:
        """Serve a stream whose first bytes came. Returns how many of them are dealt with."""
        stream = Stream(self, self._table, channel, opened_by_peer=True)
        dealt = stream.data_received(data)
        # A peer that opens and resets in one breath costs no task.
        if stream in self._table.streams:
            self._waiting.add(stream)
        else:
            self._pending.add(-1)
        return dealt

    def _serve_soon(self, stream: Stream) -> None:
        self._starter.start_soon(self._serve, stream, name="webrtc_direct stream")

    async def _open_stream(self, protocols: tuple[str, ...]) -> Stream:
        limits = self.local.limits
        stream = await self.open_raw_stream()
        try:
            with anyio.move_on_after(limits.negotiation_timeout), self._refusals.counting():
                stream.protocol = await propose_protocols(stream, protocols, limits)
                return stream
        except BaseException:
            stream.reset()
            raise
        await self.give_up(stream)
        raise HandshakeTimeout("negotiation", limits.negotiation_timeout, address=self.remote)

    async def _open_lazily(self, protocols: tuple[str, ...]) -> Stream:
        stream = await self.open_raw_stream()
        try:
            await propose_lazily(stream, protocols[0], self.local.limits)
        except BaseException:
            stream.reset()
            raise
        return stream

    async def _serve(self, stream: Stream) -> None:
        with contained(lambda error: self._failed(stream, error)):
            async with stream:
                handler = await self._negotiate(stream)
                await handler(stream)

    def _failed(self, stream: Stream, error: BaseException) -> None:
        stream.reset()
        if is_expected(error):
            logger.debug("%r: %r", stream, str(error))
        elif not self.local.refusals.failures.allows():
            self._refusals.refuse("logged_failures_per_minute")
        else:
            logger.error("the handler of %r failed; the stream is reset", stream, exc_info=error)

    async def _negotiate(self, stream: Stream) -> Handler:
        limits = self.local.limits
        try:
            with anyio.move_on_after(limits.negotiation_timeout), self._refusals.counting():
                stream.protocol = await accept_protocol(stream, self._handlers, limits)
                handler = self._handlers.get(stream.protocol)
                if handler is None:
                    raise LocalProtocolError(f"{stream.protocol} is not served any more")
                return handler
        finally:
            self._pending.add(-1)
        self._refusals.refuse("negotiation_timeout")
        raise HandshakeTimeout("negotiation", limits.negotiation_timeout, address=self.remote)
