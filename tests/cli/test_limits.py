"""Limits of a listener as options: which there are, and what they take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest

from webrtc_direct.bounds.limits import Limits
from webrtc_direct.cli.limits import NAMES, limits_of, shown, unit_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Command, RunningListener


def parsed(*values: str) -> Limits:
    option = click.Option(["--limit"], multiple=True)
    return limits_of(click.Context(click.Command("listen")), option, values)


@pytest.mark.parametrize("name", NAMES)
def test_every_limit_is_listed_as_it_is_given(name: str) -> None:
    assert unit_of(name) in {"seconds", "bytes", "count", "per second", "per minute"}
    assert parsed(f"{name}={shown(name, getattr(Limits(), name))}") == Limits()
    changed, default = getattr(parsed(f"{name}=7"), name), getattr(Limits(), name)
    assert (changed, type(changed)) == (7, float if default is None else type(default))


@pytest.mark.parametrize(
    ("value", "field", "expected"),
    [
        ("receive_window=1MiB", "receive_window", 1 << 20),
        (" noise_timeout = 2.5 ", "noise_timeout", 2.5),
        ("idle_timeout=300", "idle_timeout", 300.0),
        ("idle_timeout=None", "idle_timeout", None),
        ("max_connections=1", "max_connections", 1),
    ],
)
def test_a_limit_has_the_type_of_its_field(value: str, field: str, expected: float | None) -> None:
    assert getattr(parsed(value), field) == expected


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (("max_connections",), "'max_connections' is not NAME=VALUE"),
        (("=5",), "'=5' is not NAME=VALUE"),
        (("max_conections=5",), "no limit 'max_conections'; did you mean max_connections?"),
        (("xyz=5",), "no limit 'xyz' (`webrtc-direct limits` lists all)"),
        (("max_connections=1.5",), "max_connections: '1.5' is not a whole number"),
        (("max_connections=0",), "max_connections: 0 is not above 0 and at most 1000000000"),
        (("max_connections=-1",), "max_connections: -1 is not above 0"),
        (("max_connections=99999999999",), "max_connections: 99999999999 is not above 0 and at most"),
        (("noise_timeout=none",), "noise_timeout: 'none' is not a number (seconds)"),
        (("noise_timeout=nan",), "noise_timeout: nan is not above 0"),
        (("noise_timeout=inf",), "noise_timeout: inf is not above 0"),
        (("receive_window=3Q",), "receive_window: '3Q' has an unknown unit"),
        (("receive_window=2TiB",), "receive_window: 2TiB is not above 0 and at most 1048576MiB"),
        (("max_channels=5", "max_channels=6"), "max_channels is given twice"),
    ],
)
def test_a_limit_that_cannot_be_is_one_line(command: Command, values: tuple[str, ...], problem: str) -> None:
    result = command("listen", *(word for value in values for word in ("--limit", value)))
    assert (result.returncode, result.stdout, result.stderr.count(b"\n")) == (2, b"", 1)
    assert f"webrtc-direct: Invalid value for '--limit': {problem}" in result.stderr.decode()


def test_a_limit_is_the_listeners(command: Command, listen: Callable[..., RunningListener]) -> None:
    listener = listen("--limit", "idle_timeout=0.3")
    # Pings do not count as streams there; without the limit, these take 1000 s.
    refused = command("ping", listener.address, "-c", "10000", "-i", "0.1")
    assert (refused.returncode, refused.stderr.count(b"\n")) == (1, 1)
    assert listener.next_event()["event"] == "connected"
    ended = listener.next_event()
    assert (ended["event"], ended["reason"]) == ("disconnected", "limit")


@pytest.mark.parametrize("most", [True, False], ids=["largest", "smallest"])
def test_a_listener_begins_with_any_limits_that_are_taken(
    listen: Callable[..., RunningListener], *, most: bool
) -> None:
    largest = {"bytes": "1TiB", "seconds": "31536000"}
    value = {name: largest.get(unit_of(name), "1000000000") if most else "1" for name in NAMES}
    listener = listen(*(word for name in NAMES for word in ("--limit", f"{name}={value[name]}")))
    assert listener.end(15) == (0, b"", b"")


def test_the_limits_are_listed(command: Command) -> None:
    lines = command("limits").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert ["receive_window", shown("receive_window", Limits().receive_window), "bytes"] in [
        line.split() for line in lines
    ]
    rows = json.loads(command("limits", "--json").stdout)["limits"]
    assert {row["name"]: row["default"] for row in rows} == {name: getattr(Limits(), name) for name in NAMES}
