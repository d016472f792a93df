"""The life of a stream: two halves, four flags, one transition table.

libp2p specs, webrtc/README.md, "Multiplexing" and "Closing an RTCDataChannel"; where it
is silent, RFC 9000 section 3. The table is the whole truth: the documentation's diagram is
drawn from it, and :meth:`StreamState.apply` is the only place that changes a state.

Knows neither bytes nor channels nor time: its user sends what the effects say, keeps the
queue of what was received, and tells when a bound on waiting has passed.
"""

from __future__ import annotations

from enum import Enum

from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.streams.message import Flag


class SendState(Enum):
    """The half that this end writes to."""

    READY = "ready"
    """Data may be written."""
    FIN_SENT = "fin sent"
    """All is written; the peer has not confirmed it."""
    ACKNOWLEDGED = "acknowledged"
    """The peer has confirmed every byte. Final."""
    STOPPING = "stopping"
    """The peer reads no more; FIN was sent so that it can forget the stream."""
    UNCONFIRMED = "unconfirmed"
    """Ended without the peer's confirmation. Final."""
    RESET = "reset"
    """Torn down. Final."""


class ReceiveState(Enum):
    """The half that this end reads from."""

    OPEN = "open"
    """Data may come, and is kept for the reader."""
    DISCARDING = "discarding"
    """The reader has had enough; data that comes is thrown away."""
    ENDED = "ended"
    """FIN came, and FIN_ACK was sent. Final."""
    ABANDONED = "abandoned"
    """The peer did not end what nobody reads in time. Final."""
    RESET = "reset"
    """Torn down. Final."""


class Event(Enum):
    """What can happen to a stream."""

    CLOSE_WRITE = "close_write"
    """This end has written all."""
    CLOSE_READ = "close_read"
    """This end reads no more."""
    RESET = "reset"
    """This end gives the stream up, or the peer broke the rules on it."""
    DATA_RECEIVED = "data received"
    FIN_RECEIVED = "FIN received"
    FIN_ACK_RECEIVED = "FIN_ACK received"
    STOP_SENDING_RECEIVED = "STOP_SENDING received"
    RESET_STREAM_RECEIVED = "RESET_STREAM received"
    CHANNEL_CLOSED = "channel closed"
    """The peer reset the data channel, or the connection ended."""
    FIN_ACK_TIMEOUT = "no FIN_ACK in time"
    """The bound on AWAIT_FIN_ACK has passed."""
    FIN_TIMEOUT = "no FIN in time"
    """The bound on AWAIT_FIN has passed."""


class Effect(Enum):
    """What the user of the machine must do, in the order given."""

    SEND_FIN = "send FIN"
    SEND_FIN_ACK = "send FIN_ACK"
    SEND_STOP_SENDING = "send STOP_SENDING"
    SEND_RESET_STREAM = "send RESET_STREAM"
    DELIVER = "deliver"
    """Keep the payload for the reader."""
    END_READING = "end reading"
    """The reader gets what is kept, and then the end of the stream."""
    DISCARD_UNREAD = "discard unread"
    """Throw away what is kept for the reader; it counts as read."""
    FAIL_READING = "fail reading"
    """Readers end with StreamReset; what is kept is thrown away."""
    FAIL_WRITING = "fail writing"
    """Writers end with an error: StreamReset, or StreamClosed after STOP_SENDING."""
    CONFIRMED = "confirmed"
    """Whoever waits for the peer's confirmation has it."""
    UNCONFIRMED = "unconfirmed"
    """Whoever waits for the peer's confirmation will not get it."""
    AWAIT_FIN_ACK = "await FIN_ACK"
    """Start the bound that ends in FIN_ACK_TIMEOUT."""
    AWAIT_FIN = "await FIN"
    """Start the bound that ends in FIN_TIMEOUT."""
    CLOSE_CHANNEL = "close channel"
    """Close the data channel once everything has left; the stream is over."""
    RESET_CHANNEL = "reset channel"
    """Reset the data channel; the stream is over."""


State = SendState | ReceiveState
Transition = tuple[State, tuple[Effect, ...]]

# An event that is not listed for a state leaves it alone: a repeated FIN, a FIN_ACK that
# nobody asked for, whatever comes after a reset.
TRANSITIONS: dict[tuple[State, Event], Transition] = {
    # Writing.
    (SendState.READY, Event.CLOSE_WRITE): (SendState.FIN_SENT, (Effect.SEND_FIN, Effect.AWAIT_FIN_ACK)),
    # Spec: no RESET_STREAM in reply to STOP_SENDING. FIN ends this half in a way that every peer understands.
    (SendState.READY, Event.STOP_SENDING_RECEIVED): (
        SendState.STOPPING,
        (Effect.FAIL_WRITING, Effect.UNCONFIRMED, Effect.SEND_FIN, Effect.AWAIT_FIN_ACK),
    ),
    (SendState.READY, Event.RESET): (
        SendState.RESET,
        (Effect.SEND_RESET_STREAM, Effect.FAIL_WRITING, Effect.UNCONFIRMED),
    ),
    (SendState.READY, Event.RESET_STREAM_RECEIVED): (
        SendState.RESET,
        (Effect.FAIL_WRITING, Effect.UNCONFIRMED),
    ),
    (SendState.READY, Event.CHANNEL_CLOSED): (SendState.RESET, (Effect.FAIL_WRITING, Effect.UNCONFIRMED)),
    (SendState.FIN_SENT, Event.FIN_ACK_RECEIVED): (SendState.ACKNOWLEDGED, (Effect.CONFIRMED,)),
    # FIN_ACK after STOP_SENDING does not say that anybody read the data.
    (SendState.FIN_SENT, Event.STOP_SENDING_RECEIVED): (SendState.STOPPING, (Effect.UNCONFIRMED,)),
    (SendState.FIN_SENT, Event.FIN_ACK_TIMEOUT): (SendState.UNCONFIRMED, (Effect.UNCONFIRMED,)),
    (SendState.FIN_SENT, Event.RESET): (SendState.RESET, (Effect.SEND_RESET_STREAM, Effect.UNCONFIRMED)),
    (SendState.FIN_SENT, Event.RESET_STREAM_RECEIVED): (SendState.RESET, (Effect.UNCONFIRMED,)),
    (SendState.FIN_SENT, Event.CHANNEL_CLOSED): (SendState.UNCONFIRMED, (Effect.UNCONFIRMED,)),
    (SendState.STOPPING, Event.FIN_ACK_RECEIVED): (SendState.UNCONFIRMED, ()),
    (SendState.STOPPING, Event.FIN_ACK_TIMEOUT): (SendState.UNCONFIRMED, ()),
    (SendState.STOPPING, Event.RESET): (SendState.RESET, (Effect.SEND_RESET_STREAM,)),
    (SendState.STOPPING, Event.RESET_STREAM_RECEIVED): (SendState.RESET, ()),
    (SendState.STOPPING, Event.CHANNEL_CLOSED): (SendState.UNCONFIRMED, ()),
    # Reading.
    (ReceiveState.OPEN, Event.DATA_RECEIVED): (ReceiveState.OPEN, (Effect.DELIVER,)),
    (ReceiveState.OPEN, Event.FIN_RECEIVED): (ReceiveState.ENDED, (Effect.SEND_FIN_ACK, Effect.END_READING)),
    (ReceiveState.OPEN, Event.CLOSE_READ): (
        ReceiveState.DISCARDING,
        (Effect.SEND_STOP_SENDING, Effect.DISCARD_UNREAD, Effect.AWAIT_FIN),
    ),
    (ReceiveState.OPEN, Event.RESET): (ReceiveState.RESET, (Effect.SEND_RESET_STREAM, Effect.FAIL_READING)),
    # Spec: a reset is of the sender's half. go and js tear down both, and mean both.
    (ReceiveState.OPEN, Event.RESET_STREAM_RECEIVED): (ReceiveState.RESET, (Effect.FAIL_READING,)),
    # Without FIN there is no telling whether something is missing.
    (ReceiveState.OPEN, Event.CHANNEL_CLOSED): (ReceiveState.RESET, (Effect.FAIL_READING,)),
    # Spec: after STOP_SENDING flags still count.
    (ReceiveState.DISCARDING, Event.FIN_RECEIVED): (ReceiveState.ENDED, (Effect.SEND_FIN_ACK,)),
    (ReceiveState.DISCARDING, Event.FIN_TIMEOUT): (ReceiveState.ABANDONED, ()),
    (ReceiveState.DISCARDING, Event.RESET): (ReceiveState.RESET, (Effect.SEND_RESET_STREAM,)),
    (ReceiveState.DISCARDING, Event.RESET_STREAM_RECEIVED): (ReceiveState.RESET, ()),
    (ReceiveState.DISCARDING, Event.CHANNEL_CLOSED): (ReceiveState.RESET, ()),
    # The other half may still be at work.
    (ReceiveState.ABANDONED, Event.FIN_RECEIVED): (ReceiveState.ENDED, (Effect.SEND_FIN_ACK,)),
}
"""(state, event) -> (next state, effects), for both halves."""

FINAL_STATES: frozenset[State] = frozenset(
    {
        SendState.ACKNOWLEDGED,
        SendState.UNCONFIRMED,
        SendState.RESET,
        ReceiveState.ENDED,
        ReceiveState.ABANDONED,
        ReceiveState.RESET,
    }
)
"""A half in one of these waits for nothing. The stream is over when both are."""

_FLAG_EVENTS = {
    Flag.FIN: Event.FIN_RECEIVED,
    Flag.STOP_SENDING: Event.STOP_SENDING_RECEIVED,
    Flag.RESET_STREAM: Event.RESET_STREAM_RECEIVED,
    Flag.FIN_ACK: Event.FIN_ACK_RECEIVED,
}
FLAGS_TO_SEND = {
    Effect.SEND_FIN: Flag.FIN,
    Effect.SEND_FIN_ACK: Flag.FIN_ACK,
    Effect.SEND_STOP_SENDING: Flag.STOP_SENDING,
    Effect.SEND_RESET_STREAM: Flag.RESET_STREAM,
}
"""The flag that an effect sends."""

BOUNDS_TO_START = {Effect.AWAIT_FIN_ACK: Event.FIN_ACK_TIMEOUT, Effect.AWAIT_FIN: Event.FIN_TIMEOUT}
"""What happens when the wait that an effect starts takes too long."""

_DATA_EFFECTS = TRANSITIONS[ReceiveState.OPEN, Event.DATA_RECEIVED][1]
_RESETS = frozenset({Event.RESET, Event.RESET_STREAM_RECEIVED})


class StreamState:
    """The states of one stream's halves."""

    def __init__(self) -> None:
        self.sending: SendState = SendState.READY
        self.receiving: ReceiveState = ReceiveState.OPEN

    @property
    def over(self) -> bool:
        """Whether both halves are final: the data channel is closed, and nothing is to be done any more."""
        return self._is_over()

    def apply(self, event: Event) -> tuple[Effect, ...]:
        """Let *event* happen to both halves; return what must be done, in this order."""
        if self._is_over():
            return ()
        effects: list[Effect] = []
        for state in (self.receiving, self.sending):
            after, of_half = TRANSITIONS.get((state, event), (state, ()))
            effects.extend(of_half)
            if isinstance(after, SendState):
                self.sending = after
            else:
                self.receiving = after
        if self._is_over() and event is not Event.CHANNEL_CLOSED:
            effects.append(Effect.RESET_CHANNEL if event in _RESETS else Effect.CLOSE_CHANNEL)
        # Both halves may ask for the same RESET_STREAM.
        return tuple(dict.fromkeys(effects))

    def receive_untrusted(self, flag: Flag | None, *, has_payload: bool) -> tuple[Effect, ...]:
        """Let a frame arrive; return what must be done, in this order.

        Raises:
            RemoteProtocolError: data after FIN. Apply ``Event.RESET`` then.
        """
        if flag is None and has_payload and self.receiving is ReceiveState.OPEN:
            # Bulk data; the table says the same, but looking it up takes thirty times as long.
            return _DATA_EFFECTS
        effects: tuple[Effect, ...] = ()
        if has_payload:
            if self.receiving is ReceiveState.ENDED and not self.over:
                raise RemoteProtocolError("data after FIN")
            effects = self.apply(Event.DATA_RECEIVED)
        if flag is not None:
            effects += self.apply(_FLAG_EVENTS[flag])
        return effects

    def _is_over(self) -> bool:
        return self.sending in FINAL_STATES and self.receiving in FINAL_STATES
