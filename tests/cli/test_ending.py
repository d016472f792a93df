"""Signals: whatever the command is doing, its peers are told at once, and it ends."""

from __future__ import annotations

import fcntl
import os
import pty
import random
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import IO, TYPE_CHECKING

import pytest
from tests.cli.conftest import PROGRAM, SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import RunningListener

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"
LINES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
AT_WORK = {
    "ping": ("ping", "{address}", "-c", "100000"),
    "perf": ("perf", "{address}", "--upload", "1TB"),
    "echo": ("echo", "{address}", "--size", "1TB"),
    "pipe": ("pipe", "{address}", "/echo/1.0.0"),
}
# A peer that is not told waits 20 s; a busy machine has its share.
AT_ONCE = 5.0


# Tells when the command cares for the last of its signals.
TOLD = """
import signal, sys
install = signal.signal
def tell(number, handler):
    install(number, handler)
    if number == signal.SIGHUP:
        signal.signal = install
        print("ready", flush=True)
signal.signal = tell
from webrtc_direct.cli.main import main
main(sys.argv[1:])
"""
MOMENTS = 9


def started(
    words: tuple[str, ...], listener: RunningListener, stdin: int | IO[bytes] = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """Run the command until *listener* has its connection."""
    process = subprocess.Popen(
        [*PROGRAM, *(word.format(address=listener.address) for word in words)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert listener.next_event()["event"] == "connected"
    return process


@pytest.mark.parametrize("number", LINES, ids=lambda number: number.name)
@pytest.mark.parametrize("words", AT_WORK.values(), ids=AT_WORK)
def test_a_signal_tells_the_peer_at_once(
    words: tuple[str, ...], number: signal.Signals, listen: Callable[..., RunningListener]
) -> None:
    listener = listen(ADDRESS, "--echo", "--perf")
    with started(words, listener) as process:
        told = time.monotonic()
        process.send_signal(number)
        # What fills a pipe is not read here: perf and echo say nothing before their end.
        _, err = process.communicate(timeout=SECONDS)
        ended = listener.next_event()
    assert (process.returncode, err) == (128 + number, f"webrtc-direct: {LINES[number]}\n".encode())
    assert (ended["event"], ended["reason"]) == ("disconnected", "remote")
    assert time.monotonic() - told < AT_ONCE


@pytest.mark.parametrize("number", LINES, ids=lambda number: number.name)
def test_listen_tells_its_peers_at_once(
    number: signal.Signals, listen: Callable[..., RunningListener]
) -> None:
    listener = listen(ADDRESS)
    with started(("ping", "{address}", "-c", "100000"), listener) as process:
        told = time.monotonic()
        code, out, err = listener.end(number)
        _, problem = process.communicate(timeout=SECONDS)
    assert (code, err) == (0, b"")
    assert b'"disconnected"' in out
    assert process.returncode == 1
    # The one comes a moment before the other.
    ends = (b"the peer closed the stream without ending it", b"the connection ended (remote)")
    assert any(words in problem for words in ends)
    assert time.monotonic() - told < AT_ONCE


@pytest.mark.parametrize(
    "words",
    # The one waits for its reader in the event loop, the other in a thread.
    [("ping", "{address}", "-c", "1000000", "-i", "0"), ("pipe", "{address}", "/echo/1.0.0")],
    ids=lambda words: words[0],
)
def test_a_signal_ends_a_command_whose_output_nobody_reads(
    words: tuple[str, ...], listen: Callable[..., RunningListener]
) -> None:
    listener = listen(ADDRESS, "--echo")
    with open("/dev/zero", "rb") as zeros, started(words, listener, stdin=zeros) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        wait_until_full(process.stdout)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == b"webrtc-direct: terminated\n"
        assert process.wait(SECONDS) == 143
        assert listener.next_event()["reason"] == "remote"
        assert time.monotonic() - told < AT_ONCE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_at_any_moment_is_its_exit_code(number: signal.Signals, address: str) -> None:
    moments = random.Random(9)
    for run in range(MOMENTS):
        # The first ones come while the command is being loaded.
        moment = moments.random() * (0.05 if run < MOMENTS // 3 else 0.5)
        command = [sys.executable, "-c", TOLD, "ping", address, "-c", "100000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(moment)
            process.send_signal(number)
            _, err = process.communicate(timeout=SECONDS)
        line = f"webrtc-direct: {LINES[number]}\n".encode()
        assert (process.returncode, err) == (128 + number, line), f"after {moment:.3f} s"


def test_a_signal_that_comes_twice_at_once_is_one(listen: Callable[..., RunningListener]) -> None:
    listener = listen(ADDRESS)
    with started(("ping", "{address}", "-c", "100000"), listener) as process:
        for _ in range(3):
            process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=SECONDS)[1] == b"webrtc-direct: terminated\n"
        assert listener.next_event()["reason"] == "remote"
    for _ in range(3):
        listener.process.send_signal(signal.SIGTERM)
    assert listener.process.wait(SECONDS) == 0


@pytest.mark.skipif(shutil.which("timeout") is None, reason="coreutils are not here")
def test_timeout_ends_a_command_as_any_other(address: str) -> None:
    # It tells its child, and then its whole group once more.
    words = ["timeout", "3", *PROGRAM, "ping", address, "-c", "100000"]
    done = subprocess.run(words, capture_output=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stderr) == (124, b"webrtc-direct: terminated\n")


@pytest.mark.parametrize(
    "words", [("listen",), ("ping", "{address}", "-c", "100000")], ids=["listen", "ping"]
)
def test_a_signal_that_was_ignored_from_the_start_stays_so(
    words: tuple[str, ...], listen: Callable[..., RunningListener]
) -> None:
    # As nohup does with SIGHUP, and a shell without job control with SIGINT.
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    listener = listen(ADDRESS)
    command = [
        sys.executable,
        "-c",
        program,
        *PROGRAM[1:],
        *(w.format(address=listener.address) for w in words),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
    assert process.returncode == (0 if words == ("listen",) else 143)


def test_a_terminal_that_closes_ends_what_runs_there(listen: Callable[..., RunningListener]) -> None:
    listener = listen(ADDRESS)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PROGRAM[0], [*PROGRAM, "ping", listener.address, "-c", "100000"])
    assert listener.next_event()["event"] == "connected"
    # Its first line has been written.
    os.read(terminal, 1)
    told = time.monotonic()
    os.close(terminal)
    assert listener.next_event()["reason"] == "remote"
    assert time.monotonic() - told < AT_ONCE
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 129


def wait_until_full(pipe: IO[bytes]) -> None:
    """Return once *pipe* takes no more."""
    deadline = time.monotonic() + SECONDS
    before, held = -1, 0
    while held == 0 or held != before:
        assert time.monotonic() < deadline
        time.sleep(0.5)
        before, held = held, struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]
