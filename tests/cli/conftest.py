"""The command ``webrtc-direct`` in processes of its own, as a user has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = (sys.executable, "-m", "webrtc_direct.cli")
# Generous, so that a busy machine does not fail a test; each command takes a fraction of it.
SECONDS = 60


class Command(Protocol):
    """Runs ``webrtc-direct`` with these words."""

    def __call__(
        self, *words: str, stdin: bytes = b"", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Return how it ended."""


@pytest.fixture(scope="session")
def command() -> Command:
    """Run the command to its end."""

    def run(
        *words: str, stdin: bytes = b"", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*PROGRAM, *words],
            input=stdin,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env=os.environ | (environment or {}),
        )

    return run


class RunningListener:
    """A ``webrtc-direct listen --json`` in the background."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "listen", "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.listening = self.next_event()
        self.address: str = self.listening["addresses"][0]

    def next_event(self) -> dict[str, Any]:
        """Wait for the next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr and self.process.stderr.read()
        event: dict[str, Any] = json.loads(line)
        return event

    def end(self, signal: int) -> tuple[int, bytes, bytes]:
        """Send *signal*, and return the exit code and what was left on stdout and stderr."""
        self.process.send_signal(signal)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err


@pytest.fixture
def listen() -> Iterator[Callable[..., RunningListener]]:
    """Run listeners until the end of the test."""
    with ExitStack() as listeners:
        yield lambda *words: listeners.enter_context(_running(*words))


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of a listener that offers echo and perf, shared by all tests."""
    with _running("--echo", "--perf") as listener:
        yield listener.address


@contextmanager
def _running(*words: str) -> Iterator[RunningListener]:
    listener = RunningListener(*words)
    try:
        yield listener
    finally:
        listener.process.kill()
        listener.process.communicate()
