"""The stream state machine, by the rules of the libp2p spec and of what real peers do."""

from __future__ import annotations

import pytest

from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.streams.message import Flag
from webrtc_direct.streams.stream_state import (
    FINAL_STATES,
    TRANSITIONS,
    Effect,
    Event,
    ReceiveState,
    SendState,
    StreamState,
)


def after(*events: Event) -> StreamState:
    state = StreamState()
    for event in events:
        state.apply(event)
    return state


def test_graceful_end_by_both_closes_the_channel_after_fin_and_fin_ack_both_ways() -> None:
    state = StreamState()
    assert state.apply(Event.CLOSE_WRITE) == (Effect.SEND_FIN, Effect.AWAIT_FIN_ACK)
    assert state.receive_untrusted(Flag.FIN_ACK, has_payload=False) == (Effect.CONFIRMED,)
    assert state.receive_untrusted(None, has_payload=True) == (Effect.DELIVER,)
    assert state.receive_untrusted(Flag.FIN, has_payload=False) == (
        Effect.SEND_FIN_ACK,
        Effect.END_READING,
        Effect.CLOSE_CHANNEL,
    )
    assert state.over


def test_fin_leaves_the_other_direction_open() -> None:
    state = after(Event.FIN_RECEIVED)
    assert state.sending is SendState.READY
    assert not state.over
    state = after(Event.CLOSE_WRITE, Event.FIN_ACK_RECEIVED)
    assert state.receive_untrusted(None, has_payload=True) == (Effect.DELIVER,)


def test_payload_beside_fin_is_delivered_before_the_end() -> None:
    assert StreamState().receive_untrusted(Flag.FIN, has_payload=True) == (
        Effect.DELIVER,
        Effect.SEND_FIN_ACK,
        Effect.END_READING,
    )


def test_payload_beside_fin_ack_is_delivered() -> None:
    state = after(Event.CLOSE_WRITE)
    assert state.receive_untrusted(Flag.FIN_ACK, has_payload=True) == (Effect.DELIVER, Effect.CONFIRMED)


def test_each_fin_is_acknowledged_once() -> None:
    state = after(Event.FIN_RECEIVED)
    assert state.receive_untrusted(Flag.FIN, has_payload=False) == ()


def test_fin_without_payload_after_fin_is_no_violation() -> None:
    state = after(Event.FIN_RECEIVED)
    assert state.receive_untrusted(None, has_payload=False) == ()


@pytest.mark.parametrize("flag", [None, Flag.FIN, Flag.FIN_ACK])
def test_data_after_fin_is_the_peers_fault_and_ends_in_a_reset(flag: Flag | None) -> None:
    state = after(Event.FIN_RECEIVED)
    with pytest.raises(RemoteProtocolError, match="after FIN"):
        state.receive_untrusted(flag, has_payload=True)
    assert state.apply(Event.RESET) == (
        Effect.SEND_RESET_STREAM,
        Effect.FAIL_WRITING,
        Effect.UNCONFIRMED,
        Effect.RESET_CHANNEL,
    )


def test_unsolicited_fin_ack_is_ignored() -> None:
    state = StreamState()
    assert state.receive_untrusted(Flag.FIN_ACK, has_payload=False) == ()
    assert state.sending is SendState.READY
    assert after(Event.CLOSE_WRITE, Event.FIN_ACK_RECEIVED).apply(Event.FIN_ACK_RECEIVED) == ()


@pytest.mark.parametrize(
    "before",
    [
        (),
        (Event.CLOSE_WRITE,),
        (Event.CLOSE_READ,),
        (Event.FIN_RECEIVED,),
        (Event.CLOSE_WRITE, Event.CLOSE_READ),
    ],
)
def test_reset_tears_down_both_directions(before: tuple[Event, ...]) -> None:
    state = after(*before)
    effects = state.receive_untrusted(Flag.RESET_STREAM, has_payload=False)
    assert state.over
    assert effects[-1] is Effect.RESET_CHANNEL
    assert Effect.SEND_RESET_STREAM not in effects


def test_reset_after_fin_does_not_take_back_what_has_come() -> None:
    state = after(Event.FIN_RECEIVED)
    effects = state.receive_untrusted(Flag.RESET_STREAM, has_payload=False)
    assert Effect.FAIL_READING not in effects
    assert effects == (Effect.FAIL_WRITING, Effect.UNCONFIRMED, Effect.RESET_CHANNEL)


def test_own_reset_sends_one_flag_and_fails_both_halves() -> None:
    assert StreamState().apply(Event.RESET) == (
        Effect.SEND_RESET_STREAM,
        Effect.FAIL_READING,
        Effect.FAIL_WRITING,
        Effect.UNCONFIRMED,
        Effect.RESET_CHANNEL,
    )


def test_channel_that_closes_without_fin_is_a_reset() -> None:
    state = StreamState()
    assert state.apply(Event.CHANNEL_CLOSED) == (Effect.FAIL_READING, Effect.FAIL_WRITING, Effect.UNCONFIRMED)
    assert state.over


def test_channel_that_closes_after_fin_keeps_what_was_read() -> None:
    state = after(Event.FIN_RECEIVED, Event.CLOSE_WRITE)
    assert state.apply(Event.CHANNEL_CLOSED) == (Effect.UNCONFIRMED,)
    assert state.receiving is ReceiveState.ENDED


def test_stop_sending_ends_writing_with_fin_and_not_with_a_reset() -> None:
    state = StreamState()
    assert state.receive_untrusted(Flag.STOP_SENDING, has_payload=False) == (
        Effect.FAIL_WRITING,
        Effect.UNCONFIRMED,
        Effect.SEND_FIN,
        Effect.AWAIT_FIN_ACK,
    )
    # Only one FIN, however often this end closes.
    assert state.apply(Event.CLOSE_WRITE) == ()
    assert state.receive_untrusted(None, has_payload=True) == (Effect.DELIVER,)


def test_fin_ack_after_stop_sending_confirms_nothing() -> None:
    state = after(Event.CLOSE_WRITE)
    assert state.receive_untrusted(Flag.STOP_SENDING, has_payload=False) == (Effect.UNCONFIRMED,)
    assert state.receive_untrusted(Flag.FIN_ACK, has_payload=False) == ()
    assert state.sending is SendState.UNCONFIRMED


def test_flags_count_after_own_stop_sending_and_data_does_not() -> None:
    state = after(Event.CLOSE_WRITE)
    assert state.apply(Event.CLOSE_READ) == (
        Effect.SEND_STOP_SENDING,
        Effect.DISCARD_UNREAD,
        Effect.AWAIT_FIN,
    )
    assert state.receive_untrusted(None, has_payload=True) == ()
    assert state.receive_untrusted(Flag.FIN_ACK, has_payload=True) == (Effect.CONFIRMED,)
    assert state.receive_untrusted(Flag.FIN, has_payload=False) == (Effect.SEND_FIN_ACK, Effect.CLOSE_CHANNEL)


def test_peer_that_never_confirms_costs_a_bounded_wait() -> None:
    state = after(Event.CLOSE_WRITE)
    assert state.apply(Event.FIN_ACK_TIMEOUT) == (Effect.UNCONFIRMED,)
    # rust-libp2p never confirms, and may still be sending its answer.
    assert state.receive_untrusted(None, has_payload=True) == (Effect.DELIVER,)
    assert state.apply(Event.FIN_RECEIVED)[-1] is Effect.CLOSE_CHANNEL


def test_peer_that_never_ends_what_nobody_reads_costs_a_bounded_wait() -> None:
    state = after(Event.CLOSE_WRITE, Event.FIN_ACK_RECEIVED, Event.CLOSE_READ)
    assert state.apply(Event.FIN_TIMEOUT) == (Effect.CLOSE_CHANNEL,)


def test_late_fin_is_acknowledged_while_the_other_half_is_at_work() -> None:
    state = after(Event.CLOSE_READ, Event.FIN_TIMEOUT)
    assert state.apply(Event.FIN_RECEIVED) == (Effect.SEND_FIN_ACK,)


def test_timeout_that_comes_late_changes_nothing() -> None:
    assert after(Event.CLOSE_WRITE, Event.FIN_ACK_RECEIVED).apply(Event.FIN_ACK_TIMEOUT) == ()
    assert StreamState().apply(Event.FIN_TIMEOUT) == ()


def test_nothing_happens_after_the_end() -> None:
    state = after(Event.RESET)
    for event in Event:
        assert state.apply(event) == ()
    assert state.receive_untrusted(Flag.FIN, has_payload=True) == ()


def test_quick_way_for_data_says_what_the_table_says() -> None:
    assert StreamState().receive_untrusted(None, has_payload=True) == StreamState().apply(Event.DATA_RECEIVED)


def test_table_never_mixes_the_halves_and_leaves_no_final_state_but_for_a_late_fin() -> None:
    for (before, event), (then, _) in TRANSITIONS.items():
        assert type(before) is type(then)
        if before in FINAL_STATES:
            assert (before, event) == (ReceiveState.ABANDONED, Event.FIN_RECEIVED)


@pytest.mark.parametrize("state", [*SendState, *ReceiveState])
def test_every_unfinished_state_ends_when_the_channel_does(state: SendState | ReceiveState) -> None:
    if state not in FINAL_STATES:
        assert TRANSITIONS[state, Event.CHANNEL_CLOSED][0] in FINAL_STATES
        assert TRANSITIONS[state, Event.RESET][0] in FINAL_STATES
