"""What is written for people and for programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webrtc_direct.cli.output import (
    MAX_PRINTABLE,
    printable,
    quantile,
    show_milliseconds,
    show_size,
    socket_address,
)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("go-libp2p/0.51", "go-libp2p/0.51"),
        ("\x1b[2Jcleared", "\\x1b[2Jcleared"),
        ("two\nlines\r\x00", "two\\nlines\\r\\x00"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("größer ✓", "größer ✓"),
        ("a\u2028b\u00a0c", "a\\u2028b\\xa0c"),
    ],
)
def test_a_peers_words_cannot_move_the_cursor_or_mislead(sent: str, shown: str) -> None:
    assert printable(sent) == shown


@given(st.text())
def test_whatever_a_peer_sends_is_one_printable_line(sent: str) -> None:
    assert printable(sent).isprintable()


def test_a_peers_words_are_cut_where_they_are_too_long() -> None:
    assert len(printable("x" * 10_000)) == MAX_PRINTABLE + 1


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1_500_000, "1.5 MB"),
        (67_108_864, "67.1 MB"),
        (999_999, "1 MB"),
        (256 * 10**9, "256 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_are_shown_in_powers_of_1000(count: int, shown: str) -> None:
    assert show_size(count) == shown


def test_times_are_shown_in_milliseconds() -> None:
    assert [show_milliseconds(seconds) for seconds in (None, 0.000421, 0.0999, 1.5)] == [
        "-",
        "0.42 ms",
        "99.90 ms",
        "1500 ms",
    ]


def test_quantiles_are_samples() -> None:
    samples = [float(value) for value in range(20, 0, -1)]
    assert [quantile(samples, fraction) for fraction in (0.0, 0.5, 0.95, 1.0)] == [1.0, 10.0, 19.0, 20.0]
    assert quantile([3.0], 0.95) == 3.0


def test_socket_addresses_of_ipv6_stand_in_brackets() -> None:
    assert socket_address(("192.0.2.7", 4001)) == "192.0.2.7:4001"
    assert socket_address(("2001:db8::7", 4001)) == "[2001:db8::7]:4001"
