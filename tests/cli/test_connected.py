"""The command with a real listener, each in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.support import unused_port

from webrtc_direct.identity.certificate import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, RunningListener

STEPS = ["address", "certificate", "ice", "dtls", "sctp", "noise", "identify", "ping"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_dial_reports_each_step(command: Command, address: str, version: str) -> None:
    result = command("dial", address, "--version", version, "--json")
    assert (result.returncode, result.stderr) == (0, b"")
    report = json.loads(result.stdout)
    assert result.stdout.count(b"\n") == 1
    assert address.endswith("/p2p/" + report["peer_id"])
    assert report["address"] == address
    assert report["version"] == version
    assert list(report["steps_ms"]) == STEPS
    assert all(value > 0 for value in report["steps_ms"].values())
    assert 0 < report["steps_ms"]["noise"] < report["total_ms"]
    assert report["agent"].startswith("webrtc-direct/")
    assert {"/ipfs/ping/1.0.0", "/ipfs/id/1.0.0", "/echo/1.0.0", "/perf/1.0.0"} <= set(report["protocols"])
    assert "samples_ms" not in report


def test_without_a_version_the_first_that_is_answered_is_used(command: Command, address: str) -> None:
    assert json.loads(command("dial", address, "--json").stdout)["version"] == "v1"
    assert json.loads(command("dial", address, "--version", "auto", "--json").stdout)["version"] == "v1"


def test_dial_several_times_reports_a_sample_for_each(command: Command, address: str) -> None:
    report = json.loads(command("dial", address, "--count", "5", "--json").stdout)
    assert len(report["samples_ms"]) == 5
    assert report["total_ms"] == sorted(report["samples_ms"])[2]


def test_dial_draws_the_nine_steps_for_a_person(command: Command, address: str) -> None:
    result = command("dial", address)
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode()
    assert "\x1b" not in text
    numbers = [line.split()[0] for line in text.splitlines() if line[:2].strip().isdigit()]
    assert numbers == [str(number) for number in range(1, 10)]


def test_a_dial_takes_less_than_a_second_of_its_own_time(command: Command, address: str) -> None:
    command("dial", address)
    own = []
    for _ in range(3):
        before = os.times()
        result = command("dial", address, "--json")
        after = os.times()
        assert result.returncode == 0
        own.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    # A shared machine takes time from all of them, but seldom from each.
    assert min(own) < 1.0


def test_ping_reports_every_round_trip(command: Command, address: str) -> None:
    result = command("ping", address, "-c", "20", "-i", "0", "--json")
    assert (result.returncode, result.stderr) == (0, b"")
    report = json.loads(result.stdout)
    samples = report["samples_ms"]
    assert (report["count"], report["lost"], len(samples)) == (20, 0, 20)
    rtt = report["rtt_ms"]
    assert list(rtt) == ["min", "p50", "p95", "max"]
    assert min(samples) == rtt["min"] <= rtt["p50"] <= rtt["p95"] <= rtt["max"] == max(samples)


def test_ping_keeps_its_interval(command: Command, address: str) -> None:
    started = time.monotonic()
    result = command("ping", address, "-c", "4", "-i", "0.3")
    assert time.monotonic() - started >= 0.9
    assert result.stdout.decode().splitlines()[-1].startswith("4 pings, 0 lost: min ")


def test_an_interrupted_ping_tells_what_it_knows_and_exits_with_130(address: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "webrtc_direct.cli", "ping", address, "-c", "1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b" 0 lost: min " in out
    assert err == b"webrtc-direct: interrupted\n"


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_pings_without_a_count_end_by_ctrl_c(address: str, form: tuple[str, ...], tmp_path: Path) -> None:
    listener_log = tmp_path / "log"
    with (
        listener_log.open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "webrtc_direct.cli", "-vv", "ping", address, "-i", "0", *form],
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        ) as process,
    ):
        deadline = time.monotonic() + 60
        while b": authenticated" not in listener_log.read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    if form:
        report = json.loads(out)
        assert report["count"] > 10
        assert report["lost"] == 0
    else:
        assert b" pings, 0 lost: min " in out.splitlines()[-1]
    assert b"interrupted" not in listener_log.read_bytes()


@pytest.mark.parametrize("directions", [("upload",), ("download",), ("upload", "download")])
def test_perf_reports_the_directions_it_was_asked_for(
    command: Command, address: str, directions: tuple[str, ...]
) -> None:
    words = [word for direction in directions for word in (f"--{direction}", "4MB")]
    result = command("perf", address, *words, "--streams", "3", "--json")
    assert (result.returncode, result.stderr) == (0, b"")
    report = json.loads(result.stdout)
    assert list(report) == [*directions, "streams"]
    assert report["streams"] == 3
    for direction in directions:
        measured = report[direction]
        assert measured["bytes"] == 4_000_000
        assert measured["mb_per_s"] == pytest.approx(4 / measured["seconds"], rel=0.01)


def test_echo_compares_every_byte(command: Command, address: str) -> None:
    result = command("echo", address, "--size", "1000001", "--streams", "4", "--json")
    assert (result.returncode, result.stderr) == (0, b"")
    report = json.loads(result.stdout)
    assert (report["bytes"], report["streams"], report["equal"]) == (1_000_001, 4, True)
    assert "every byte equal" in command("echo", address).stdout.decode()


def test_pipe_copies_what_it_is_given(command: Command, address: str) -> None:
    data = os.urandom(5_000_000)
    result = command("pipe", address, "/echo/1.0.0", stdin=data)
    assert (result.returncode, result.stderr) == (0, b"")
    assert hashlib.sha256(result.stdout).digest() == hashlib.sha256(data).digest()


def test_pipe_copies_a_file_and_an_empty_one(address: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("pipe")
    for size in (0, 300_000):
        source, copy = directory / "source", directory / "copy"
        source.write_bytes(os.urandom(size))
        with source.open("rb") as stdin, copy.open("wb") as stdout:
            subprocess.run(
                [sys.executable, "-m", "webrtc_direct.cli", "pipe", address, "/echo/1.0.0"],
                stdin=stdin,
                stdout=stdout,
                timeout=60,
                check=True,
            )
        assert copy.read_bytes() == source.read_bytes()


def test_a_protocol_that_the_peer_lacks_is_one_line(command: Command, address: str) -> None:
    result = command("pipe", address, "/nonsense/1.0.0")
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.decode().splitlines() == ["webrtc-direct: the peer does not support /nonsense/1.0.0"]


def test_echo_and_perf_are_offered_only_when_asked_for(
    command: Command, listen: Callable[..., RunningListener]
) -> None:
    listener = listen()
    assert set(json.loads(command("dial", listener.address, "--json").stdout)["protocols"]).isdisjoint(
        {"/echo/1.0.0", "/perf/1.0.0"}
    )
    for word in ("echo", "perf"):
        for words in ((), ("--streams", "3")):
            result = command(word, listener.address, *words)
            assert (result.returncode, result.stdout) == (1, b"")
            assert result.stderr.decode().splitlines() == [
                f"webrtc-direct: the peer does not support /{word}/1.0.0: "
                f"start a peer that does, with `webrtc-direct listen --{word}`"
            ]


def test_another_peer_id_than_the_expected_one_is_named(command: Command, address: str) -> None:
    other = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
    result = command("dial", address.partition("/p2p/")[0] + "/p2p/" + other)
    assert (result.returncode, result.stdout) == (1, b"")
    assert other in result.stderr.decode()


def test_another_certificate_than_the_expected_one_is_named(command: Command, address: str) -> None:
    head, _, tail = address.partition("/certhash/")
    certhash = Certificate.generate().fingerprint.certhash
    result = command("dial", f"{head}/certhash/{certhash}{tail[len(certhash) :]}")
    assert (result.returncode, result.stdout) == (1, b"")
    assert "certificate" in result.stderr.decode()


def test_listen_tells_who_comes_and_goes(command: Command, listen: Callable[..., RunningListener]) -> None:
    listener = listen("/ip4/127.0.0.1/udp/0/webrtc-direct")
    assert listener.listening["event"] == "listening"
    assert listener.address.endswith(f"/p2p/{listener.listening['peer_id']}")
    assert command("dial", listener.address, "--version", "v2").returncode == 0
    connected, disconnected = listener.next_event(), listener.next_event()
    assert (connected["event"], connected["version"]) == ("connected", "v2")
    assert command("dial", listener.address).returncode == 0
    others = listener.next_event(), listener.next_event()
    numbers = [event["connection"] for event in (connected, disconnected, *others)]
    assert numbers == [1, 1, 2, 2]
    times = [datetime.fromisoformat(event["time"]) for event in (listener.listening, connected, *others)]
    assert times == sorted(times)
    assert all(event["time"].endswith("Z") for event in (listener.listening, connected))
    assert abs((datetime.now(UTC) - times[0]).total_seconds()) < 600
    assert connected["remote"].startswith("127.0.0.1:")
    assert disconnected["event"] == "disconnected"
    assert disconnected["peer_id"] == connected["peer_id"]
    assert disconnected["reason"] == "remote"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_listen_cleanly(listen: Callable[..., RunningListener], number: signal.Signals) -> None:
    assert listen("/ip4/127.0.0.1/udp/0/webrtc-direct").end(number) == (0, b"", b"")


def test_with_its_files_a_listener_keeps_its_address(
    listen: Callable[..., RunningListener], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("files")
    files = ("--identity", str(directory / "id.key"), "--certificate", str(directory / "dtls.pem"))
    words = (f"/ip4/127.0.0.1/udp/{unused_port()}/webrtc-direct", *files)
    first = listen(*words)
    assert first.end(signal.SIGTERM)[0] == 0
    second = listen(*words)
    assert second.address == first.address


def test_listen_takes_ipv6_and_several_addresses(
    command: Command, listen: Callable[..., RunningListener]
) -> None:
    listener = listen("/ip4/127.0.0.1/udp/0/webrtc-direct", "/ip6/::1/udp/0/webrtc-direct")
    addresses = listener.listening["addresses"]
    assert [address.split("/")[1] for address in addresses] == ["ip4", "ip6"]
    for address in addresses:
        assert command("dial", address).returncode == 0


def test_the_demo_ends_with_ok(command: Command) -> None:
    result = command("demo", "--size", "2MiB")
    assert (result.returncode, result.stderr) == (0, b"")
    assert "every byte compared" in result.stdout.decode()
    assert result.stdout.decode().splitlines()[-1].startswith("OK")
