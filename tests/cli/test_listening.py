"""Who may connect to ``webrtc-direct listen``, and what it says of itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import PROGRAM, SECONDS

from webrtc_direct.cli.listen import Guests
from webrtc_direct.identity.identity import KeyPair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, RunningListener

ANY_PORT = "/ip4/127.0.0.1/udp/0/webrtc-direct"


def test_an_announced_address_is_what_it_tells(
    command: Command, listen: Callable[..., RunningListener]
) -> None:
    listener = listen("/ip4/0.0.0.0/udp/0/webrtc-direct", "--announce", ANY_PORT, "--keep-alive", "0.1")
    (address,) = listener.listening["addresses"]
    assert address.startswith("/ip4/127.0.0.1/udp/")
    assert command("dial", address).returncode == 0


def test_only_guests_are_let_in(
    command: Command, listen: Callable[..., RunningListener], tmp_path: Path
) -> None:
    friend = tmp_path / "friend.key"
    peer_id = json.loads(command("identity", "new", str(friend), "--json").stdout)["peer_id"]
    listener = listen(ANY_PORT, "--accept-from", "127.0.0.0/8", "--accept-peer", peer_id)
    assert command("dial", listener.address).returncode == 1
    assert command("dial", listener.address, "--identity", str(friend)).returncode == 0
    connected = listener.next_event()
    assert (connected["event"], connected["peer_id"]) == ("connected", peer_id)


def test_what_cannot_be_bound_is_named_and_the_rest_may_serve(
    command: Command, listen: Callable[..., RunningListener]
) -> None:
    elsewhere = "/ip4/192.0.2.1/udp/0/webrtc-direct"
    refused = command("listen", ANY_PORT, elsewhere)
    line = f"webrtc-direct: {elsewhere}: Cannot assign requested address"
    assert (refused.returncode, refused.stdout, refused.stderr.decode().splitlines()) == (1, b"", [line])
    assert command("listen", elsewhere, "--allow-missing").returncode == 1
    listener = listen(elsewhere, ANY_PORT, "--allow-missing")
    assert listener.listening["missing"] == {elsewhere: "Cannot assign requested address"}
    assert command("dial", listener.address).returncode == 0
    code, _, log = listener.end(signal.SIGTERM)
    assert code == 0
    assert [elsewhere in line for line in log.decode().splitlines()] == [True]
    assert listen(ANY_PORT, "--allow-missing").listening["missing"] == {}


def test_a_person_is_told_what_could_not_be_bound() -> None:
    elsewhere = "/ip4/192.0.2.1/udp/0/webrtc-direct"
    with subprocess.Popen(
        [*PROGRAM, "listen", elsewhere, ANY_PORT, "--allow-missing"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        lines = [listener.stdout.readline() for _ in range(3)]
        listener.send_signal(signal.SIGTERM)
        listener.communicate(timeout=SECONDS)
    assert lines[2] == f"  not on {elsewhere}: Cannot assign requested address\n"


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("--accept-from", "127.0.0.1/8"), "--accept-from"),
        (("--accept-from", "x"), "--accept-from"),
        (("--accept-peer", "x"), "--accept-peer"),
        (("--keep-alive", "0"), "--keep-alive"),
        (("--web", "x"), "--web"),
        (("--web", "127.0.0.1"), "--web"),
        (("--web", "65536"), "--web"),
        (("--web", "example.org:8080"), "--web"),
        (("--web", "::1:8080"), "--web"),
        (("--announce", "/ip4/0.0.0.0/udp/1/webrtc-direct"), "ip4"),
    ],
)
def test_what_cannot_be_meant_is_exit_code_2(command: Command, words: tuple[str, ...], cause: str) -> None:
    result = command("listen", *words)
    assert (result.returncode, result.stdout) == (2, b"")
    assert cause in result.stderr.decode()
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("verbose", [(), ("-v",), ("-vv",)], ids=lambda words: words[0] if words else "quiet")
def test_v_logs_who_comes_and_goes_and_vv_all(command: Command, verbose: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [
            *PROGRAM,
            *verbose,
            "listen",
            "--json",
            ANY_PORT,
            "--accept-from",
            "127.0.0.2/32",
            "--accept-from",
            "127.0.0.1/32",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        address = json.loads(listener.stdout.readline())["addresses"][0]
        dialed = command(*verbose, "dial", address)
        assert dialed.returncode == 0
        while json.loads(listener.stdout.readline())["event"] != "disconnected":
            pass
        # Nobody offers this protocol.
        command(*verbose, "pipe", address, "/none/1")
        while json.loads(listener.stdout.readline())["event"] != "disconnected":
            pass
        listener.send_signal(signal.SIGTERM)
        _, log = listener.communicate(timeout=SECONDS)
    lines = log.splitlines()
    if not verbose:
        assert lines == []
        assert dialed.stderr == b""
        return
    peer_id = address.rpartition("/")[2]
    assert (
        f"webrtc_direct.listen: <Listener {peer_id}, 0 connections> on {address}"
        in lines[0 if verbose == ("-v",) else 1]
    )
    assert sum("server, v1, open>: authenticated" in line for line in lines) == 2
    assert sum("server, v1, ended: remote>: '" in line for line in lines) == 2
    assert "accepts no more connections" in lines[-1]
    assert any(
        f"webrtc_direct.dial: dialing {address}, version auto" in line
        for line in dialed.stderr.decode().splitlines()
    )
    assert all(line.split()[2] in ("INFO", "DEBUG") for line in lines)
    # A stream that was refused is the peer's doing.
    assert any("not negotiated" in line for line in lines) == (verbose == ("-vv",))
    assert (len(lines) == 6) == (verbose == ("-v",))


def test_guests_are_told_apart_by_network_and_by_peer_id() -> None:
    friend, stranger = KeyPair.generate().peer_id, KeyPair.generate().peer_id
    guests = Guests((ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")), (friend,))
    for remote, accepted in (
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::7", True),
        ("fe80::1%eth0", False),
    ):
        assert guests.accept((remote, 4001), None) is accepted
    assert guests.accept(("192.0.2.7", 4001), friend)
    assert not guests.accept(("192.0.2.7", 4001), stranger)
    assert Guests((), ()).accept(("198.51.100.7", 1), None)
    assert Guests((), ()).accept(("198.51.100.7", 1), stranger)
