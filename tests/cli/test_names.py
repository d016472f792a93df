"""The command with addresses that have names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command


@pytest.fixture
def named(address: str) -> str:
    return address.replace("/ip4/127.0.0.1", "/dns4/localhost")


@pytest.mark.parametrize(
    "words",
    [
        ["dial"],
        ["ping", "-c", "1"],
        ["echo", "--size", "1KiB"],
        ["perf", "--upload", "1KiB", "--download", "1KiB"],
    ],
    ids=lambda words: words[0],
)
def test_dialing_commands_take_names(words: list[str], command: Command, named: str) -> None:
    result = command(words[0], named, *words[1:])
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_name_that_nobody_has_is_one_line(command: Command, named: str) -> None:
    result = command("dial", named.replace("localhost", "nobody.invalid"))
    assert (result.returncode, result.stdout) == (1, b"")
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("webrtc-direct: nobody.invalid gives no address to dial: ")


def test_a_name_is_explained_and_not_looked_up(command: Command, named: str) -> None:
    address = named.replace("localhost", "nobody.invalid")
    text = command("address", address).stdout.decode()
    assert "/dns4/nobody.invalid\n    where the listener is: a name" in text
    document = json.loads(command("address", address, "--json").stdout)
    assert (document["ip"], document["name"]) == (None, "nobody.invalid")
    assert "_dnsaddr.nobody.invalid" in command("address", "/dnsaddr/nobody.invalid").stdout.decode()
    result = command("address", address, "--sdp")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"put an IP address" in result.stderr
