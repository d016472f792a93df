"""multistream-select 1.0.0, with the bytes that real peers send."""

from __future__ import annotations

import pytest

from webrtc_direct.bounds.limits import Limits
from webrtc_direct.errors import LocalProtocolError, ProtocolNotSupported, RemoteProtocolError
from webrtc_direct.streams.multistream import DialerNegotiation, ListenerNegotiation, encode

HEADER = b"\x13/multistream/1.0.0\n"
NA = b"\x03na\n"
PING = "/ipfs/ping/1.0.0"
PING_LINE = b"\x11/ipfs/ping/1.0.0\n"
ECHO = "/echo/1.0.0"
ECHO_LINE = b"\x0c/echo/1.0.0\n"
MAX_NAME = Limits().max_protocol_name


def dialer(*protocols: str, max_name: int = MAX_NAME) -> DialerNegotiation:
    return DialerNegotiation(protocols, max_name=max_name)


def listener(*protocols: str, max_name: int = MAX_NAME) -> ListenerNegotiation:
    return ListenerNegotiation(protocols, max_name=max_name)


def test_dialer_sends_header_and_proposal_at_once() -> None:
    assert dialer(PING).start() == HEADER + PING_LINE


def test_dialer_and_listener_agree() -> None:
    ours, theirs = dialer(PING), listener(ECHO, PING)
    answer = theirs.receive_untrusted(ours.start())
    assert answer == HEADER + PING_LINE
    assert ours.receive_untrusted(answer) == b""
    assert ours.agreed == theirs.agreed == PING
    assert ours.rest == theirs.rest == b""


def test_dialer_proposes_the_next_protocol_after_a_refusal() -> None:
    ours, theirs = dialer("/perf/1.0.0", ECHO), listener(ECHO)
    answer = theirs.receive_untrusted(ours.start())
    assert answer == HEADER + NA
    proposal = ours.receive_untrusted(answer)
    assert proposal == ECHO_LINE
    assert ours.receive_untrusted(theirs.receive_untrusted(proposal)) == b""
    assert ours.agreed == theirs.agreed == ECHO


def test_dialer_names_all_it_proposed_when_all_is_refused() -> None:
    ours = dialer(ECHO, PING)
    ours.start()
    with pytest.raises(ProtocolNotSupported) as caught:
        ours.receive_untrusted(HEADER + NA + NA)
    assert caught.value.protocols == (ECHO, PING)


def test_listener_says_nothing_before_it_has_read() -> None:
    assert listener(PING).receive_untrusted(b"") == b""


def test_lazy_dialer_of_go_with_its_first_payload() -> None:
    # go: header, proposal and 32 bytes of ping arrive together.
    theirs = listener(PING)
    assert theirs.receive_untrusted(HEADER + PING_LINE + b"x" * 32) == HEADER + PING_LINE
    assert theirs.agreed == PING
    assert theirs.rest == b"x" * 32


def test_listener_that_answers_in_pieces_and_goes_on_at_once() -> None:
    ours = dialer(PING)
    ours.start()
    # smoldot's listening side writes its header before it has read anything.
    for byte in HEADER + PING_LINE[:-1]:
        assert ours.receive_untrusted(bytes([byte])) == b""
        assert ours.agreed is None
    ours.receive_untrusted(b"\n" + b"pong")
    assert ours.agreed == PING
    assert ours.rest == b"pong"


def test_list_request_is_refused_like_an_unknown_protocol() -> None:
    theirs = listener(PING)
    assert theirs.receive_untrusted(HEADER + b"\x03ls\n") == HEADER + NA
    assert theirs.receive_untrusted(PING_LINE) == PING_LINE
    assert theirs.agreed == PING


def test_long_names_have_a_length_of_two_bytes() -> None:
    name = "/" + "x" * 199
    assert encode(name)[:2] == bytes.fromhex("c901")
    theirs = listener(name)
    theirs.receive_untrusted(HEADER + encode(name))
    assert theirs.agreed == name


def test_bound_on_names_is_the_one_that_is_given() -> None:
    name = "x" * 30
    assert listener(name, max_name=30).receive_untrusted(HEADER + encode(name)) == HEADER + encode(name)
    with pytest.raises(RemoteProtocolError, match="more than 29"):
        listener(name, max_name=29).receive_untrusted(HEADER + encode(name))


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",
        b"GET / HTTP/1.1\r\n" + bytes(100),
        b"\x14/multistream/1.0.0\r\n",
        b"\x13/multistream/2.0.0\n",
        b"\x93\x00/multistream/1.0.0\n",
        b"\xff\xff\x03",
        HEADER + b"\x03na!",
        HEADER + b"\x02\xff\n",
    ],
)
def test_what_is_not_multistream_select_is_refused_by_both_sides(data: bytes) -> None:
    for side in (dialer(PING), listener(PING)):
        with pytest.raises(RemoteProtocolError):
            side.receive_untrusted(data)


def test_answer_that_was_not_proposed_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="not proposed"):
        dialer(PING).receive_untrusted(HEADER + ECHO_LINE)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 20000, "\udcff"])
def test_name_that_cannot_be_sent_is_refused(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode(name)


def test_dialer_needs_something_to_propose() -> None:
    with pytest.raises(LocalProtocolError):
        dialer()


def test_many_refusals_take_linear_time() -> None:
    theirs = listener(PING)
    assert theirs.receive_untrusted(HEADER + b"\x02x\n" * 80000) == HEADER + NA * 80000
