"""Sizes on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webrtc_direct.cli.size import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("65536", 65536),
        ("1B", 1),
        ("1kB", 1000),
        ("256MB", 256_000_000),
        ("3GB", 3_000_000_000),
        ("1KiB", 1024),
        ("64MiB", 64 * 1024 * 1024),
        ("2GiB", 2 * 1024**3),
        ("1.5MiB", 3 * 512 * 1024),
        ("0.5 kB", 500),
        ("10mb", 10_000_000),
    ],
)
def test_units_are_powers_of_1000_and_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MB", "-1", "+1", "1e6", "1,5MB", "1.5", "0.1kiB", "3Q", "3M", "1 0", "٣", "10000000000GB"]
)
def test_what_is_not_a_size_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"size|unit|whole|count") as error:
        parse_size(text)
    assert repr(text) in str(error.value)


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_a_plain_integer_is_bytes(size: int) -> None:
    assert parse_size(str(size)) == size
