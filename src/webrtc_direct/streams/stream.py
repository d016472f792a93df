"""A stream: bytes in both directions over one data channel, with back-pressure, half-close and reset.

The rules of its life stand in ``stream_state.py``; this module holds what was
received, lets readers and writers wait, and does what the table says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

from webrtc_direct.errors import (
    LocalProtocolError,
    ProtocolNotSupported,
    RemoteProtocolError,
    StreamClosed,
    StreamReset,
    WebRtcDirectError,
)
from webrtc_direct.platform.closing import ConnectionLost
from webrtc_direct.streams.inbox import Inbox
from webrtc_direct.streams.message import Flag, encode_data, encode_flag, payload_room
from webrtc_direct.streams.stream_methods import DEFAULT_READ_BYTES, StreamMethods
from webrtc_direct.streams.stream_state import (
    BOUNDS_TO_START,
    FLAGS_TO_SEND,
    Effect,
    Event,
    ReceiveState,
    SendState,
    StreamState,
)
from webrtc_direct.streams.waiters import SoleWaiter, Waiters

if TYPE_CHECKING:
    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.platform.base import DataChannel
    from webrtc_direct.streams.multistream import LazyProposal
    from webrtc_direct.streams.stream_table import StreamTable


class Stream(StreamMethods):
    """Bytes in both directions, each with its own end. ``open_stream`` returns it; handlers get it.

    Leaving ``async with stream`` closes it gracefully; an exception resets it. ``async for``
    yields what arrives until the end. One task may read while another one writes. It is also an
    ``anyio.abc.ByteStream``, for code that takes one (``TextStream``, ``BufferedByteStream``).
    """

    def __init__(
        self, connection: Connection, table: StreamTable, channel: DataChannel, *, opened_by_peer: bool
    ) -> None:
        super().__init__()
        self.connection = connection
        self.protocol: str = ""
        """The protocol that both ends agreed on."""
        self.opened_by_peer = opened_by_peer
        self.counts_as_use = True
        """Whether the connection is not idle (``Limits.idle_timeout``) while this stream is open."""
        self._table = table
        self._channel = channel
        self._state = StreamState()
        self._inbox = Inbox(table.limits.max_received_frame)
        self._read_closed = self._write_closed = False
        # Chromium may deliver a message before it reports its own channel as open: the opener speaks first.
        self._may_write = not opened_by_peer
        self._problem: str | None = None  # Why it was reset, if it was before the connection ended.
        self._not_supported = False  # The peer refused ``protocol``, which was proposed lazily.
        self._proposal: LazyProposal | None = None  # While the peer has not answered it.
        self._reader = SoleWaiter("another task is reading from this stream")
        self._writer = SoleWaiter("another task is writing to this stream")
        self._sending_changes = Waiters()
        table.begin(self)
        channel.observer = self

    def __repr__(self) -> str:
        name = self.protocol or "not negotiated"
        states = f"sending: {self._state.sending.value}, receiving: {self._state.receiving.value}"
        return f"<Stream {self._channel.data_channel_id} {name} with {self.connection.peer_id}, {states}>"

    @property
    def unread_bytes(self) -> int:
        """How many received bytes are waiting to be read."""
        return self._inbox.unread

    @property
    def taken_bytes(self) -> int:
        """How many bytes were ever read."""
        return self._inbox.taken

    # Reading.

    async def read(self, max_bytes: int = DEFAULT_READ_BYTES) -> bytes:
        """Return what has arrived, at least one byte and at most *max_bytes*; ``b""`` at the end.

        Raises:
            StreamReset, ConnectionLost: it was reset, or the connection ended; unread data is lost.
            StreamClosed: this end has closed the stream for reading.
            StreamBusy: another task is reading from this stream.
        """
        if max_bytes < 1:
            raise ValueError("max_bytes must be at least 1")
        await checkpoint_if_cancelled()
        if self._ahead:
            return self._take_ahead(max_bytes)
        inbox = self._inbox
        while not inbox.size:
            if self._read_closed or self._state.receiving is not ReceiveState.OPEN:
                return self._no_more_to_read()
            await self._reader.wait()
        data = inbox.read(max_bytes)
        size = len(data)
        self._channel.consumed(size)
        self._table.read(self, size)
        if not inbox.unread and self._state.over:
            self._table.over(self)
        return data

    async def close_read(self) -> None:
        """Discard what arrives from now on, and ask the peer to stop sending."""
        self._close(reading=True)
        await checkpoint()

    def _no_more_to_read(self) -> bytes:
        if self._read_closed:
            raise StreamClosed("this end has closed the stream for reading")
        if self._state.receiving is ReceiveState.ENDED and self._proposal is None:
            return b""
        raise self._torn_down()

    # Writing.

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*, of any size; wait while the peer or the network is slower.

        On a stream that the peer opened it also waits for the first bytes from the peer.

        Returns when the last byte is queued. If it is cancelled, a part may have been sent.

        Raises:
            StreamClosed: this end has closed the stream, or the peer has stopped reading.
            StreamReset, ConnectionLost: it was reset, or the connection ended.
            StreamBusy: another task is writing to this stream.
        """
        await checkpoint_if_cancelled()
        self._writer.require_free()
        view = memoryview(data).cast("B")
        position, size = 0, len(view)
        while True:
            if self._state.sending is not SendState.READY:
                raise self._not_writable()
            if position == size:
                return
            credit = self._credit()
            if credit <= 0:
                await self._writer.wait()
                continue
            stop = min(size, position + payload_room(credit))
            frames = encode_data(view[position:stop])
            if self._proposal is not None:
                self._proposal.room -= sum(map(len, frames))
            self._channel.send(frames)
            position = stop

    def _credit(self) -> int:
        if not self._may_write:
            return 0
        credit = self._channel.writable_bytes
        return credit if self._proposal is None else min(credit, self._proposal.room)

    async def close_write(self) -> None:
        """Close the writing half, after all data. Reading continues. Returns at once.

        ``wait_acknowledged`` tells whether the peer has received everything.
        """
        self._close(writing=True)
        await checkpoint()

    async def wait_acknowledged(self) -> bool:
        """Say whether the peer has confirmed every byte, once that is known.

        It returns at the latest ``Limits.fin_ack_timeout`` after ``close_write``, because some peers never
        confirm. If nothing at all is heard from the peer, the end of the connection decides.

        Raises:
            LocalProtocolError: ``close_write`` was not called.
            StreamReset, ConnectionLost: the stream or the connection ended before that.
        """
        if self._state.sending is SendState.READY:
            raise LocalProtocolError("wait_acknowledged needs close_write first")
        await checkpoint()
        if self._state.sending is SendState.FIN_SENT:
            await self._wait_settled()
        if self._state.sending is SendState.ACKNOWLEDGED:
            return True
        if self._state.sending is SendState.RESET or self._table.reason is not None:
            raise self._torn_down()
        return False

    async def _wait_settled(self) -> None:
        # What was under way when the peer vanished may still come for a moment, and is no sign of life.
        with anyio.move_on_after(self._table.limits.fin_ack_timeout / 2):
            await self._until_settled()
        heard = self._table.life.heard()
        await self._until_settled()
        if self._state.sending is SendState.UNCONFIRMED:
            await self._table.life.hear_again(heard)

    async def _until_settled(self) -> None:
        while self._state.sending is SendState.FIN_SENT:
            await self._sending_changes.wait()

    async def wait_stopped(self) -> WebRtcDirectError:
        """Wait until nothing more can be sent, and return why: the error that ``write`` would raise.

        Either the peer has reset the stream or stopped reading, or the connection has ended, or this end
        has closed the stream for writing and the peer has confirmed it. A handler whose answer takes long
        can thus learn that nobody is waiting for it any more.
        """
        await checkpoint()
        while self._state.sending in (SendState.READY, SendState.FIN_SENT):
            await self._sending_changes.wait()
        return self._not_writable()

    def _not_writable(self) -> WebRtcDirectError:
        if self._write_closed:
            return StreamClosed("this end has closed the stream for writing")
        if self._state.sending is SendState.RESET or self._table.reason is not None:
            return self._torn_down()
        return StreamClosed("the peer reads no more", by_peer=True)

    # Ending.

    async def aclose(self) -> None:
        """Close both directions. Written data is still delivered; data that arrives is discarded."""
        self._close(reading=True, writing=True)
        await checkpoint()

    def _close(self, *, reading: bool = False, writing: bool = False) -> None:
        if writing:
            self._write_closed = True
            self.apply(Event.CLOSE_WRITE)
        if reading:
            self._read_closed = True
            if self._proposal is None:
                self._discard()
                self.apply(Event.CLOSE_READ)
            else:
                # A peer that is told to stop sending could not answer the proposal, and would give up.
                self._table.endings.expect(self, Event.FIN_TIMEOUT)
        self._wake_all()

    def reset(self, problem: str = "this end reset the stream") -> None:
        """Abort the stream at once, in both directions. Does nothing on a stream that has ended.

        Tasks that still use it at this end get StreamReset with *problem*.
        """
        if not self._state.over:
            self._problem = problem
        self._discard()
        self.apply(Event.RESET)

    def _torn_down(self) -> WebRtcDirectError:
        if self._not_supported:
            return ProtocolNotSupported([self.protocol])
        if self._problem is None and self._table.reason is not None:
            return ConnectionLost(self._table.reason)
        return StreamReset(self._problem or "the peer reset the stream")

    # What the platform tells (``ChannelObserver``).

    def data_received(self, data: bytes) -> int:
        """Take bytes of the channel; returns how many of them are dealt with."""
        state = self._state
        if state.over:
            return len(data)
        if not self._may_write:
            self._may_write = True
            self.channel_writable()
        inbox = self._inbox
        add = inbox.add
        try:
            for flag, payload in inbox.decoder.feed_untrusted(data):
                if flag is None and state.receiving is ReceiveState.OPEN:
                    # What the table says of data, without asking it for every frame.
                    add(payload)
                else:
                    self._receive(flag, payload)
            if self._proposal is not None:
                self._take_answer(self._proposal)
        except ProtocolNotSupported:
            self._not_supported = True
            self.reset()
        except RemoteProtocolError as error:
            self._table.count(error.limit)
            self.reset(f"the peer broke the protocol: {error}")
        if inbox.size:
            self._reader.wake()
        size = len(data)
        dealt = self._count(size)
        if dealt > size:
            # A reset threw away what came earlier, too.
            self._channel.consumed(dealt - size)
        return min(dealt, size)

    def channel_writable(self) -> None:
        """Let the writer look at its credit."""
        self._writer.wake()

    def channel_closed(self) -> None:
        """The peer reset the channel, or the connection ended."""
        if not self._state.over and self._table.reason is None:
            self._problem = "the peer closed the stream without ending it"
            self._table.reset_by_peer(self)
        self.apply(Event.CHANNEL_CLOSED)

    # A protocol that was proposed and not waited for.

    def propose(self, proposal: LazyProposal) -> None:
        """Take the peer's answer to *proposal* out of what arrives, before anything is read."""
        self._proposal = proposal
        self.protocol = proposal.protocol

    def _take_answer(self, proposal: LazyProposal) -> None:
        if self._inbox.take_answer_untrusted(proposal, keep=not self._read_closed):
            self._answered(proposal)
        elif self._state.receiving is ReceiveState.ENDED:
            raise RemoteProtocolError(f"it ended the stream, and did not answer {self.protocol}")

    def _answered(self, proposal: LazyProposal) -> None:
        """Do what had to wait for the answer."""
        self._proposal = None
        self._writer.wake()
        if proposal.acknowledged:
            self._act(self._state.apply(Event.FIN_ACK_RECEIVED))
        if self._read_closed:
            self._act(self._state.apply(Event.CLOSE_READ))

    def _receive(self, flag: Flag | None, payload: bytes) -> None:
        if self._proposal is not None:
            self._take_answer(self._proposal)  # A reset that follows it would discard it.
        if self._proposal is not None and flag is Flag.FIN_ACK:
            # Our own listener acknowledges before it answers. The peer has the data when it does both.
            self._proposal.acknowledged = True
            flag = None
        if flag is Flag.RESET_STREAM and not self._state.over:
            self._problem = "the peer reset the stream"
            self._table.reset_by_peer(self)
        effects = self._state.receive_untrusted(flag, has_payload=bool(payload))
        if Effect.DELIVER in effects:
            self._inbox.add(payload)
        self._act(effects)

    # The state.

    def apply(self, event: Event) -> None:
        """Let *event* happen, with all that follows from it."""
        if event is Event.FIN_TIMEOUT and self._proposal is not None:
            self._answered(self._proposal)  # Nobody waits for it any more.
        else:
            # What came before the end of the channel can still be read.
            self._act(self._state.apply(event), keep=event is Event.CHANNEL_CLOSED)
        if dealt := self._count(0):
            self._channel.consumed(dealt)

    def _act(self, effects: tuple[Effect, ...], *, keep: bool = False) -> None:
        if not effects:
            return
        for effect in effects:
            if effect in FLAGS_TO_SEND:
                self._channel.send((encode_flag(FLAGS_TO_SEND[effect]),))
            elif effect in BOUNDS_TO_START:
                self._table.endings.expect(self, BOUNDS_TO_START[effect])
            elif effect is Effect.CONFIRMED:
                self._table.endings.confirmed(self)
            elif effect is Effect.FAIL_READING and not keep:
                self._discard()
            elif effect is Effect.RESET_CHANNEL and Effect.SEND_RESET_STREAM not in effects:
                self._channel.reset()
            elif effect in (Effect.RESET_CHANNEL, Effect.CLOSE_CHANNEL):
                # A reset of the channel would discard RESET_STREAM with all else that is queued,
                # and rust-libp2p takes a channel that ends without a flag for a clean end.
                self._channel.close()
        self._wake_all()

    def _wake_all(self) -> None:
        self._reader.wake()
        self._writer.wake()
        self._sending_changes.wake()

    def _discard(self) -> None:
        self._ahead = None
        self._inbox.discard()

    def _count(self, received: int) -> int:
        """Count what is unread now; returns by how much that is less than before and *received* together."""
        over = self._state.over
        change = self._inbox.recount(over=over)
        self._table.received(change)
        if over:
            self._table.over(self)
        return received - change
