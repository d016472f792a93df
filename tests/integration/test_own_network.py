"""Errors and addresses of this machine's own network, in a network namespace."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support import SECONDS

import webrtc_direct
from webrtc_direct import AddressError

PROGRAM = Path(__file__).parent / "programs" / "own_network.py"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")
PEER_ID = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"
CERTHASH = "uEiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw"


def has_namespaces() -> bool:
    """Whether this system lets anybody have a network."""
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    )


in_a_namespace = pytest.mark.skipif(not has_namespaces(), reason="this system gives no namespaces (unshare)")


def run(what: str, backend: str) -> Any:
    """Return what the program says, in a network of its own."""
    command = [*NAMESPACE, sys.executable, str(PROGRAM), what, backend]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return json.loads(ended.stdout)


@in_a_namespace
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_dial_to_where_this_machine_cannot_send_ends_at_once(backend: str) -> None:
    wanted: list[object] = []
    for number, ip in (
        (errno.ENETUNREACH, "192.0.2.7"),
        (errno.EACCES, "127.255.255.255"),
        (errno.ENETUNREACH, "2001:db8::1"),
    ):
        wanted += 2 * [[True, number, [ip, 4001]], True]
    assert run("cannot_send", backend) == wanted


@in_a_namespace
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_link_local_address_is_dialed_and_listened_on_by_its_zone(backend: str) -> None:
    # The zone means nothing to the other end, so it is not told.
    seen = ["hello", True, "fe80::1%lo", "/ip6/fe80::1", "/ip6/fe80::1"]
    assert run("link_local", backend) == 2 * seen


@in_a_namespace
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_data_moves_where_full_datagrams_do_not_fit(backend: str) -> None:
    assert run("small_mtu", backend) == 3 * [2_000_000]


async def test_a_zone_that_does_not_exist_is_named() -> None:
    listen = "/ip6zone/nowhere0/ip6/fe80::1/udp/4001/webrtc-direct"
    with pytest.raises(AddressError, match=r"ip6zone: this machine has no such network interface.*nowhere0"):
        async with webrtc_direct.dial(f"{listen}/certhash/{CERTHASH}/p2p/{PEER_ID}"):
            pytest.fail("connected")
    with pytest.raises(AddressError, match="nowhere0"):
        async with webrtc_direct.listen(listen):
            pytest.fail("listening")
