"""Output that nobody reads: a pipe that is full, one whose reader has gone, a full disk."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, TextIO

import pytest
from tests.cli.conftest import PROGRAM, SECONDS

from webrtc_direct.cli.lines import MAX_WAITING, LineWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Command

FULL = "/dev/full"
no_full_disk = pytest.mark.skipif(not os.path.exists(FULL), reason="this system has no /dev/full")


@contextmanager
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that takes no more, and that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writer, True)
    try:
        yield writer
    finally:
        os.close(writer)
        os.close(reader)


@contextmanager
def listening(*words: str, stderr: int | IO[bytes]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A listener, and its address."""
    command = [*PROGRAM, *words[:1], "listen", "--json", *words[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["addresses"][0]
        finally:
            process.kill()


def test_a_log_that_nobody_reads_stops_neither_end(command: Command) -> None:
    with full_pipe() as pipe, listening("-vv", stderr=pipe) as (listener, address):
        dialed = subprocess.run(
            [*PROGRAM, "-vv", "dial", address],
            stdout=subprocess.PIPE,
            stderr=pipe,
            timeout=SECONDS,
            check=False,
        )
        assert dialed.returncode == 0
        assert b"speaks /ipfs/ping/1.0.0" in dialed.stdout
        assert command("dial", address).returncode == 0
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(SECONDS) == 0


def test_events_that_nobody_reads_do_not_stop_a_listener(command: Command) -> None:
    with listening("-v", stderr=subprocess.DEVNULL) as (listener, address):
        assert listener.stdout is not None
        # Room for a few events.
        fcntl.fcntl(listener.stdout, fcntl.F_SETPIPE_SZ, 4096)
        assert command("dial", address, "--count", "60").returncode == 0
        # And nothing of them is lost before there is too much of it.
        events = [json.loads(listener.stdout.readline())["event"] for _ in range(120)]
        assert events == ["connected", "disconnected"] * 60
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(SECONDS) == 0


def test_a_listener_ends_in_silence_when_the_reader_of_its_events_has_gone(command: Command) -> None:
    with listening("-v", stderr=subprocess.PIPE) as (listener, address):
        assert listener.stdout is not None
        assert listener.stderr is not None
        listener.stdout.close()
        command("dial", address)
        assert b"Traceback" not in listener.stderr.read()
        assert listener.wait(SECONDS) == 1


@no_full_disk
def test_a_full_disk_under_the_log_harms_nothing(command: Command) -> None:
    with open(FULL, "wb") as disk, listening("-vv", stderr=disk) as (listener, address):
        done = subprocess.run(
            [*PROGRAM, "-vv", "ping", address, "-c", "2", "-i", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=disk,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0
        assert json.loads(done.stdout)["lost"] == 0
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(SECONDS) == 0


@no_full_disk
@pytest.mark.parametrize(
    "words", [("listen",), ("dial", "{address}"), ("ping", "{address}", "--json", "-c", "1")]
)
def test_a_full_disk_under_the_results_is_one_line(words: tuple[str, ...], address: str) -> None:
    with open(FULL, "wb") as disk:
        done = subprocess.run(
            [*PROGRAM, *(word.format(address=address) for word in words)],
            stdout=disk,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"webrtc-direct: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "words",
    [
        "dial {address} --json",
        "perf {address} --upload 1MB",
        "pipe {address} /echo/1.0.0",
        "-vv ping {address} -c 1",
    ],
    ids=lambda words: words.partition(" {")[0],
)
def test_a_standard_stream_that_is_closed_is_nothing(words: str, closed: str, address: str) -> None:
    # Without care the next socket has its number, and gets what is written there.
    command = f'"$0" -m webrtc_direct.cli {words.format(address=address)} {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        input=b"hello",
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0
    assert bool(done.stdout) == (closed == "2>&-")
    assert b"Traceback" not in done.stderr


@contextmanager
def pipe() -> Iterator[tuple[int, TextIO]]:
    """A pipe: where it is read, and where it is written."""
    reader, writer = os.pipe()
    with open(writer, "w", encoding="utf-8") as stream:
        yield reader, stream


def test_what_is_too_much_to_wait_is_left_out_and_counted() -> None:
    with pipe() as (reader, stream):
        lines = LineWriter(stream, lambda count: f"{count} left out\n")
        line = "x" * 1023 + "\n"
        count = 2 * MAX_WAITING // len(line)
        for _ in range(count):
            lines.write(line)
        received = os.read(reader, MAX_WAITING // 2)
        while received.count(b"\n") * len(line) < MAX_WAITING // 2:
            received += os.read(reader, 1 << 16)
        # There is room again.
        lines.write("last\n")
        while not received.endswith(b"last\n"):
            received += os.read(reader, 1 << 16)
        os.close(reader)
    texts = received.decode().splitlines()
    whole = texts.count(line.strip())
    assert whole * len(line) >= MAX_WAITING
    # A line stands wherever some are missing.
    left_out = [int(text.split()[0]) for text in texts if text.endswith("left out")]
    assert whole + sum(left_out) == count
    assert texts[-2:] == [f"{left_out[-1]} left out", "last"]


def test_who_has_gone_is_told_of_once_and_written_to_no_more() -> None:
    told: list[bool] = []
    with pipe() as (reader, stream):
        lines = LineWriter(stream, str, lambda: told.append(True))
        os.close(reader)
        for _ in range(3):
            lines.write("nobody\n")
            lines.flush(SECONDS)
    assert lines.gone
    assert told == [True]
