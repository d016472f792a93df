"""What may become of a listener, and of a client: done, and timed until the other end tells of it."""

from __future__ import annotations

import secrets
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crash_programs import Program, send_all
from peers import START_SECONDS, PeerFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crash_programs import Client, Watch

LONGEST_SECONDS = 60.0
RESTART_SECONDS = 1.5
_ATTEMPTS = 3
# Longer than webrtc-direct waits for a silent peer.
SLEEP_SECONDS = 30.0
# A browser and its page start on a busy machine.
_CONNECT_SECONDS = 60.0
# Starts at once. More are in each other's way: a listener that takes seconds to start was not started again
# after RESTART_SECONDS. Waiting takes nothing.
_STARTS = threading.Semaphore(2)
# So that nothing of the start is on its way any more.
_SETTLE_SECONDS = 2.0
_IP = "127.0.0.1"


@dataclass
class Case:
    """One client, what happens, and what came of it."""

    client: str
    kind: str
    use: str
    seconds: float | None = None
    """From the crash until the other end told of the end; ``None``: it did not within LONGEST_SECONDS."""
    after_return: float | None = None
    """The same, from when the listener listened again, or the client woke."""
    words: str = ""
    """Those of the end that told of it."""
    stream_seconds: float | None = None
    """From the crash until a stream failed."""
    client_words: str = ""
    """What a client that woke was told."""
    problems: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        return {name: value for name, value in vars(self).items() if value not in (None, "", [])}


class TooSlow(PeerFailure):
    """The machine is too busy for what was to be seen."""


class Place:
    """A port, an identity and two certificates: where a listener is started again and again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((_IP, 0))
            self._port = free.getsockname()[1]

    def listen(self, certificate: str = "first.pem") -> Program:
        """Return a listener that listens."""
        program = Program(
            [
                sys.executable,
                "-m",
                "webrtc_direct.cli",
                "listen",
                f"/ip4/{_IP}/udp/{self._port}/webrtc-direct",
                "--echo",
                "--json",
                f"--identity={self._folder / 'identity.key'}",
                f"--certificate={self._folder / certificate}",
            ]
        )
        program.expect("listening", timeout=START_SECONDS)
        return program

    @contextmanager
    def taken(self, answer: Callable[[], bytes | None]) -> Iterator[None]:
        """Have another program at the port; it answers each datagram with what *answer* returns."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((_IP, self._port))
            thread = threading.Thread(target=_serve, args=(other, answer))
            thread.start()
            try:
                yield
            finally:
                # Closing alone wakes nobody who waits in recvfrom; a datagram of nothing does.
                other.sendto(b"", (_IP, self._port))
                thread.join()


def _serve(other: socket.socket, answer: Callable[[], bytes | None]) -> None:
    while True:
        data, sender = other.recvfrom(65536)
        if not data:
            return
        reply = answer()
        if reply is not None:
            other.sendto(reply, sender)


def _killed(_: ExitStack, listener: Program, __: Place) -> None:
    listener.kill()


def _restarted(certificate: str) -> Callable[[ExitStack, Program, Place], float]:
    def restart(stack: ExitStack, listener: Program, place: Place) -> float:
        listener.kill()
        time.sleep(RESTART_SECONDS)
        again = stack.enter_context(place.listen(certificate))
        return float(again.expect("listening", timeout=0)["at"])

    return restart


def _taken(answer: Callable[[], bytes | None]) -> Callable[[ExitStack, Program, Place], None]:
    def take(stack: ExitStack, listener: Program, place: Place) -> None:
        listener.kill()
        stack.enter_context(place.taken(answer))

    return take


def _garbage() -> bytes:
    return secrets.token_bytes(100)


def _signalled(number: signal.Signals) -> Callable[[ExitStack, Program, Place], None]:
    return lambda _, listener, __: listener.signal(number)


# By the heading of their column. Each returns when the listener listened again, if it did.
CRASHES: dict[str, Callable[[ExitStack, Program, Place], float | None]] = {
    "restarted": _restarted("first.pem"),
    "other certificate": _restarted("second.pem"),
    "killed": _killed,
    "port taken, silent": _taken(lambda: None),
    "port taken, garbage": _taken(_garbage),
    "silence": _signalled(signal.SIGSTOP),
    "SIGTERM": _signalled(signal.SIGTERM),
}
# What happens to clients; the first two to pages alone.
PAGE_ENDINGS = {"page reloaded": "reload", "page crashed": "crash"}
SLEEP = "client asleep"


def run(case: Case, client: Client, folder: Path) -> None:
    """Start the two, do what the *case* is about, and note how it went; again where the machine was busy."""
    for attempt in range(_ATTEMPTS):
        tried = Case(case.client, case.kind, case.use)
        try:
            _run(tried, client, folder / str(attempt))
        except PeerFailure as failure:
            tried.problems.append(str(failure))
            again = isinstance(failure, TooSlow)
        else:
            again = False
        vars(case).update(vars(tried))
        if not again:
            return


def _run(case: Case, client: Client, folder: Path) -> None:
    with ExitStack() as stack:
        folder.mkdir(parents=True)
        place = Place(folder)
        with _STARTS:
            listener = stack.enter_context(place.listen())
            address = listener.expect("listening", timeout=0)["addresses"][0]
            watch = client.start(address, case.use)
            stack.callback(watch.stop)
            watch.expect("connected", timeout=_CONNECT_SECONDS)
        time.sleep(_SETTLE_SECONDS)
        if case.kind in CRASHES:
            _crash_listener(case, stack, listener, place, watch)
        else:
            _crash_client(case, listener, watch)


def _crash_listener(case: Case, stack: ExitStack, listener: Program, place: Place, watch: Watch) -> None:
    if watch.event("ended", timeout=0) is not None:
        raise PeerFailure("the connection ended before anything happened")
    with _STARTS:
        started = time.monotonic()
        returned = CRASHES[case.kind](stack, listener, place)
    ended = watch.event("ended", timeout=started + LONGEST_SECONDS - time.monotonic())
    _note(case, ended, started, returned)
    if case.after_return is not None and case.after_return < 0:
        raise TooSlow(f"the listener was back after {returned - started:.1f} s, when the client had noticed")
    failed = watch.event("stream-ended", timeout=1.0 if ended else 0) if case.use == "active" else None
    case.stream_seconds = None if failed is None else round(failed["at"] - started, 2)


def _crash_client(case: Case, listener: Program, watch: Watch) -> None:
    started = time.monotonic()
    if case.kind in PAGE_ENDINGS:
        watch.do(PAGE_ENDINGS[case.kind])
        _note(case, listener.event("disconnected", timeout=LONGEST_SECONDS), started)
        return
    processes = watch.processes()
    send_all(processes, signal.SIGSTOP)
    time.sleep(SLEEP_SECONDS)
    woken = time.monotonic()
    # Backwards: a parent that runs already may take a child that does not for one that hangs.
    send_all(processes[::-1], signal.SIGCONT)
    _note(case, listener.event("disconnected", timeout=LONGEST_SECONDS), started)
    told = watch.event("ended", timeout=LONGEST_SECONDS)
    case.client_words = "nothing" if told is None else told["detail"]
    case.after_return = None if told is None else round(told["at"] - woken, 2)


def _note(case: Case, ended: dict[str, Any] | None, started: float, returned: float | None = None) -> None:
    if ended is None:
        return
    case.seconds = round(ended["at"] - started, 2)
    case.words = ended["detail"]
    if returned is not None:
        case.after_return = round(ended["at"] - returned, 2)
