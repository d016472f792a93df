"""The programs of the runs: started, watched, and their last word read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peers import Event, Listener
from registry import GO, PYTHON

from stress.memory import Peak

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOOPBACK = "127.0.0.1"
# A program that has its own --timeout is killed this much later.
GRACE_SECONDS = 20.0

# The two libraries, by the names that tables give them.
PEERS = {"ours": PYTHON, "go": GO}
STRESS_PEER = (sys.executable, "-m", "stress.peer")
ATTACKERS = (sys.executable, "-m", "stress.attackers")


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    result: Event | None
    """The last line that it printed, if it ended well."""
    problem: str
    """What it said on stderr otherwise."""
    seconds: float
    peak: int
    """Its largest resident memory."""
    hung: bool = False
    """It had to be killed."""


@contextmanager
def listening(command: Sequence[str]) -> Iterator[tuple[Listener, int]]:
    """Run a listener; gives its process id as well."""
    with Listener(command) as listener:
        yield listener, listener.pid


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a program beside others; it is killed at the end of the block if it still runs."""
    with tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def run(command: Sequence[str], *, timeout: float) -> Ended:
    """Run a program to its end, which comes after *timeout* at the latest."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
        with Peak(process.pid) as peak:
            try:
                output, _ = process.communicate(timeout=timeout)
                hung = False
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
                hung = True
        seconds = time.monotonic() - started
        if process.returncode == 0:
            return Ended(last_event(output), "", seconds, peak.bytes)
        stderr.seek(0)
        said = stderr.read().strip().splitlines()
        problem = said[-1] if said else f"exit {process.returncode}, and it said nothing"
        if hung:
            problem = f"killed after {timeout:.0f} s"
        return Ended(None, problem.removeprefix("error: "), seconds, peak.bytes, hung)


def last_event(output: str) -> Event:
    """Return the last JSON line of *output*."""
    event: Event = json.loads(output.strip().splitlines()[-1])
    return event


def port_of(address: str) -> int:
    """Return the UDP port in a multiaddr."""
    found = re.search(r"/udp/(\d+)/", address)
    if found is None:
        raise ValueError(address)
    return int(found[1])


def at_port(address: str, port: int) -> str:
    """Return the multiaddr with another UDP port."""
    return re.sub(r"/udp/\d+/", f"/udp/{port}/", address, count=1)
