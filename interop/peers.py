"""Programs that dial and listen, seen from outside: commands that print JSON lines.

README.md describes the lines. Nothing here knows which library is inside a program.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

START_SECONDS = 20.0
STOP_SECONDS = 10.0
# A program ends itself at its own --timeout; this much later it is killed.
GRACE_SECONDS = 15.0
_POLL_SECONDS = 0.01

Event = dict[str, Any]


class PeerFailure(Exception):
    """A program did not do what it was asked for."""


@dataclass(frozen=True)
class Peer:
    """A program: its *name* in the table, its *command*, and how its identify *agent* begins.

    *dial_options* are those that it needs of its own.
    """

    name: str
    command: tuple[str, ...]
    agent: str
    dial_options: tuple[str, ...] = ()

    def listen(self, ip: str) -> Listener:
        """Return a listener on *ip*, to be used with ``with``."""
        return Listener([*self.command, "listen", "--ip", ip])

    def dial(self, address: str, options: Sequence[str], *, timeout: float) -> Event:
        """Run ``dial`` and return its result.

        Raises:
            PeerFailure: it failed; the text is what it said on stderr.
        """
        command = [*self.command, "dial", address, *self.dial_options, *options, f"--timeout={timeout:g}"]
        return run_program("the dialer", command, timeout=timeout + GRACE_SECONDS)


def run_program(who: str, command: Sequence[str], *, timeout: float) -> Event:
    """Run *command* and return the one line that it prints.

    Raises:
        PeerFailure: it failed; the text is *who* and what it said on stderr.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise PeerFailure(f"{who} hung for {timeout:.0f} s") from None
    if done.returncode != 0:
        raise PeerFailure(f"{who}: {_last_line(done.stderr)} (exit {done.returncode})")
    return _event(done.stdout)


class Listener:
    """A listening program, from ``listening`` to a clean exit on SIGTERM."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._listening = threading.Event()
        self.events: list[Event] = []

    def __enter__(self) -> Self:
        self._stderr: IO[str] = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=self._stderr, stdin=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._listening.wait(START_SECONDS)
        if not self.events or self.events[0].get("event") != "listening":
            # Where it has ended by itself, how tells more than silence.
            code = self._process.poll()
            self._kill()
            how = f"it waited {START_SECONDS:.0f} s" if code is None else f"exit {code}"
            raise PeerFailure(f"the listener did not start: {self._complaint()} ({how})")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            raise PeerFailure(f"the listener did not end within {STOP_SECONDS:.0f} s of SIGTERM") from error
        self._reader.join()
        if code != 0:
            raise PeerFailure(f"the listener: {self._complaint()} (exit {code})") from error

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def peer_id(self) -> str:
        """The identity that it printed."""
        return str(self.events[0]["peer_id"])

    @property
    def address(self) -> str:
        """The first of the full addresses that it printed."""
        return str(self.events[0]["addresses"][0])

    def named(self, name: str) -> list[Event]:
        """Return its events of one *name* so far."""
        return [event for event in self.events if event.get("event") == name]

    def wait_for(self, name: str, count: int, *, timeout: float) -> bool:
        """Say whether there are *count* events of one *name*, within *timeout* seconds."""
        until = time.monotonic() + timeout
        while len(self.named(name)) < count:
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        with stdout:
            for line in stdout:
                # When it was read, by the monotonic clock.
                self.events.append({**_event(line), "at": time.monotonic()})
                self._listening.set()
        self._listening.set()

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _complaint(self) -> str:
        self._stderr.seek(0)
        return _last_line(self._stderr.read())


def _event(text: str) -> Event:
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    # A line that is no JSON object fails the cell through its checks, not the reader's thread.
    return event if isinstance(event, dict) else {"event": "error", "error": f"not a JSON object: {text!r}"}


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
