"""Programs that print JSON lines and may be killed at any time: listeners, and clients that watch."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from builds import BROWSER_SOURCES, HERE, JS_SOURCES, NODE
from peers import STOP_SECONDS, PeerFailure
from registry import GO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from peers import Event


class Program:
    """A running program. Each event has ``at``: when it was read, by the monotonic clock."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._ended = False
        self._complaint = ""
        self._readers = [threading.Thread(target=each) for each in (self._read, self._read_complaints)]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def event(self, *names: str, timeout: float, of: int | None = None) -> Event | None:
        """Return the first event of one of *names*, of the client *of*; ``None`` if there is none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._found(names, of), timeout)
            return self._found(names, of)

    def expect(self, name: str, *, timeout: float, of: int | None = None) -> Event:
        """Return the first event of that *name*.

        Raises:
            PeerFailure: it did not come in time, or the program failed.
        """
        event = self.event(name, "failed", timeout=timeout, of=of)
        if event is None or event["event"] != name:
            words = (event or {}).get("detail") or self._complaint or "it said nothing"
            raise PeerFailure(f"no {name!r} within {timeout:.0f} s: {words}")
        return event

    def say(self, **words: object) -> None:
        """Give it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash does, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, and all that it reads from."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        for number in (signal.SIGCONT, signal.SIGTERM):
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        for reader in self._readers:
            reader.join()

    def tree(self) -> list[int]:
        """Return the process ids of the program and of all that it started."""
        return descendants(self._process.pid)

    def _found(self, names: Sequence[str], of: int | None) -> Event | None:
        events = (each for each in self._events if each.get("event") in names and each.get("id") == of)
        return next(events, None)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                event = {**json.loads(line), "at": time.monotonic()}
                with self._changed:
                    self._events.append(event)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read_complaints(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._complaint = line.strip()


def descendants(root: int) -> list[int]:
    """Return *root* and the process ids of all that it started, as the kernel tells them."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The name in brackets may have spaces.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for each in found:
        found += children.get(each, [])
    return found


def send_all(processes: Sequence[int], number: signal.Signals) -> None:
    """Send each of *processes* a signal; one that is gone needs none."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


class Watch:
    """A client with one connection."""

    def __init__(self, program: Program, *, number: int | None = None, owned: bool) -> None:
        self._program, self._number, self._owned = program, number, owned

    def expect(self, name: str, *, timeout: float) -> Event:
        """Return its event of that *name*; see ``Program.expect``."""
        return self._program.expect(name, timeout=timeout, of=self._number)

    def event(self, *names: str, timeout: float) -> Event | None:
        """Return its first event of one of *names*; see ``Program.event``."""
        return self._program.event(*names, timeout=timeout, of=self._number)

    def do(self, action: str) -> None:
        """Have the page do *action*."""
        self._program.say(id=self._number, do=action)

    def processes(self) -> list[int]:
        """Return what stands still when the client's machine does."""
        browser = self._program.event("started", timeout=0)
        return self._program.tree() if browser is None else descendants(browser["pid"])

    def stop(self) -> None:
        """End it."""
        if self._owned:
            self._program.stop()
        else:
            self.do("close")


@dataclass(frozen=True)
class Client:
    """A library that dials: its *name* in the table, and how a connection of it is watched."""

    name: str
    start: Callable[[str, str], Watch]
    """Takes an address, and one of *uses*."""
    stop: Callable[[], None] = lambda: None
    is_page: bool = False
    uses: tuple[str, ...] = ("active", "idle")


def program_client(name: str, command: Sequence[str], *options: str) -> Client:
    """Return a client with a process for each connection."""

    def start(address: str, use: str) -> Watch:
        more = ["--active"] if use == "active" else []
        return Watch(Program([*command, address, *options, *more]), owned=True)

    return Client(name, start)


class Browser:
    """One browser, started when the first page is asked for; each connection is a page of it."""

    def __init__(self, page: str, browser: str, version: str) -> None:
        self._command = [str(NODE), str(BROWSER_SOURCES / "watch.js"), page, browser]
        self._version = version
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._program: Program | None = None

    def start(self, address: str, use: str) -> Watch:
        """Open a page that dials *address*."""
        with self._lock:
            if self._program is None:
                self._program = Program(self._command)
                self._program.expect("started", timeout=60)
            number = next(self._numbers)
            self._program.say(
                id=number, do="watch", address=address, version=self._version, active=use == "active"
            )
            return Watch(self._program, number=number, owned=False)

    def stop(self) -> None:
        """End the browser."""
        if self._program is not None:
            self._program.stop()


def page_client(name: str, page: str, browser: str, version: str = "v1") -> Client:
    """Return a page in a browser."""
    running = Browser(page, browser, version)
    # smoldot cannot be told what to do: it pings every 20 s, and has a stream that gossips.
    uses = ("as it is",) if page == "smoldot" else ("active", "idle")
    return Client(name, running.start, running.stop, is_page=True, uses=uses)


def clients() -> dict[str, Client]:
    """Return every client, by the name that the command line takes."""
    node = [str(JS_SOURCES / "node_modules" / ".bin" / "node"), str(JS_SOURCES / "peer.js"), "watch"]
    ours = [sys.executable, str(HERE / "python_watch.py")]
    return {
        "page": page_client("our page's client, v1 (Chromium)", "bare", "chromium"),
        "page-v2": page_client("our page's client, v2 (Chromium)", "bare", "chromium", "v2"),
        "page-firefox": page_client("our page's client, v2 (Firefox)", "bare", "firefox", "v2"),
        "js-chromium": page_client("js-libp2p (Chromium)", "js", "chromium"),
        "js-firefox": page_client("js-libp2p (Firefox)", "js", "firefox"),
        "js-node": program_client("js-libp2p (Node)", node),
        "smoldot": page_client("smoldot (Chromium)", "smoldot", "chromium"),
        "go": program_client("go-libp2p", [*GO.command, "watch"]),
        "python": program_client("webrtc-direct, v1", ours),
        "python-v2": program_client("webrtc-direct, v2", ours, "--version=v2"),
    }
