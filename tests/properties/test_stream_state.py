"""Two stream state machines against each other, over channels that deliver in order or break."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from webrtc_direct.streams.message import Flag
from webrtc_direct.streams.stream_state import Effect, Event, ReceiveState, SendState, StreamState

Item = tuple[Flag | None, bytes]

FLAGS = {
    Effect.SEND_FIN: Flag.FIN,
    Effect.SEND_FIN_ACK: Flag.FIN_ACK,
    Effect.SEND_STOP_SENDING: Flag.STOP_SENDING,
    Effect.SEND_RESET_STREAM: Flag.RESET_STREAM,
}
TIMERS = {Effect.AWAIT_FIN_ACK: Event.FIN_ACK_TIMEOUT, Effect.AWAIT_FIN: Event.FIN_TIMEOUT}


class End:
    """A stream as its user would run it: does what the effects say, and keeps account."""

    def __init__(self) -> None:
        self.state = StreamState()
        self.outbox: deque[Item] = deque()
        self.written = b""
        self.kept = b""
        self.sent_flags: list[Flag] = []
        self.received_flags: list[Flag] = []
        self.channel_closed = False
        self.reading_ended = self.reading_failed = self.writing_failed = False
        self.confirmed: bool | None = None
        self.stopped_reading = False
        self.timers: set[Event] = set()

    def write(self, data: bytes) -> None:
        assert not self.channel_closed
        self.written += data
        self.outbox.append((None, data))

    def happen(self, event: Event) -> None:
        self.perform(self.state.apply(event))

    def receive(self, flag: Flag | None, payload: bytes) -> None:
        assert not self.state.over
        if flag is not None:
            self.received_flags.append(flag)
        effects = self.state.receive_untrusted(flag, has_payload=bool(payload))
        if Effect.DELIVER in effects:
            assert not self.reading_ended
            self.kept += payload
        self.perform(effects)

    def perform(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            assert not self.channel_closed, "an effect after the end"
            if effect in FLAGS:
                self.sent_flags.append(FLAGS[effect])
                self.outbox.append((FLAGS[effect], b""))
            elif effect in TIMERS:
                self.timers.add(TIMERS[effect])
            elif effect in (Effect.CONFIRMED, Effect.UNCONFIRMED):
                assert self.confirmed is None, "told twice"
                self.confirmed = effect is Effect.CONFIRMED
        self.reading_ended |= Effect.END_READING in effects
        self.stopped_reading |= Effect.DISCARD_UNREAD in effects
        self.reading_failed |= Effect.FAIL_READING in effects
        self.writing_failed |= Effect.FAIL_WRITING in effects
        self.channel_closed |= bool({Effect.CLOSE_CHANNEL, Effect.RESET_CHANNEL}.intersection(effects))


class TwoEnds(RuleBasedStateMachine):
    """Every order of calls, deliveries, late timers and broken channels."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = (End(), End())
        self.broken = False

    def pair(self, index: int) -> tuple[End, End]:
        return self.ends[index], self.ends[1 - index]

    @rule(index=st.integers(0, 1), data=st.binary(min_size=1, max_size=4))
    def write(self, index: int, data: bytes) -> None:
        end, _ = self.pair(index)
        if end.state.sending is SendState.READY:
            end.write(data)

    @rule(index=st.integers(0, 1), event=st.sampled_from([Event.CLOSE_WRITE, Event.CLOSE_READ]))
    def close(self, index: int, event: Event) -> None:
        self.ends[index].happen(event)

    @rule(index=st.integers(0, 1))
    def reset(self, index: int) -> None:
        self.ends[index].happen(Event.RESET)

    @rule(index=st.integers(0, 1), count=st.integers(1, 5))
    def deliver(self, index: int, count: int) -> None:
        sender, receiver = self.pair(index)
        for _ in range(count):
            if sender.outbox and not receiver.state.over:
                receiver.receive(*sender.outbox.popleft())
        self._pass_on_the_close(sender, receiver)

    @rule(index=st.integers(0, 1), event=st.sampled_from([Event.FIN_ACK_TIMEOUT, Event.FIN_TIMEOUT]))
    def expire(self, index: int, event: Event) -> None:
        end, _ = self.pair(index)
        if event in end.timers:
            end.timers.remove(event)
            end.happen(event)

    @precondition(lambda self: not self.broken)
    @rule()
    def lose_connection(self) -> None:
        self.broken = True
        for end in self.ends:
            end.outbox.clear()
            end.happen(Event.CHANNEL_CLOSED)

    def _pass_on_the_close(self, sender: End, receiver: End) -> None:
        if sender.channel_closed and not sender.outbox and not receiver.state.over:
            receiver.happen(Event.CHANNEL_CLOSED)

    @invariant()
    def nothing_is_lost_doubled_or_late(self) -> None:
        for index in (0, 1):
            writer, reader = self.pair(index)
            assert writer.written.startswith(reader.kept)
            if reader.reading_ended and not writer.writing_failed:
                assert reader.kept == writer.written
            if writer.confirmed and not reader.stopped_reading:
                assert reader.kept == writer.written
            assert not (reader.reading_ended and reader.reading_failed)

    @invariant()
    def each_flag_goes_out_as_the_rules_say(self) -> None:
        for end in self.ends:
            for flag in Flag:
                assert end.sent_flags.count(flag) <= 1
            assert end.sent_flags.count(Flag.FIN_ACK) <= end.received_flags.count(Flag.FIN)

    @invariant()
    def state_and_duties_agree(self) -> None:
        for end in self.ends:
            if end.state.over:
                assert end.confirmed is not None
            if end.state.receiving is ReceiveState.ENDED and not end.stopped_reading:
                assert end.reading_ended

    def teardown(self) -> None:
        """Everything ends once both sides close and time passes."""
        for _ in range(4):
            for index in (0, 1):
                self.ends[index].happen(Event.CLOSE_WRITE)
                self.ends[index].happen(Event.CLOSE_READ)
                self.deliver(index, 10_000)
        for end in self.ends:
            for event in (Event.FIN_ACK_TIMEOUT, Event.FIN_TIMEOUT):
                end.happen(event)
            assert end.state.over
            assert end.confirmed is not None
            assert end.reading_ended or end.reading_failed or end.stopped_reading
        self.nothing_is_lost_doubled_or_late()


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
