"""A UDP relay on loopback that treats datagrams badly: one thread, plain sockets, a heap for what waits.

It stands between dialers and a listener: a dialer is given ``address`` instead of the
listener's. Each source address of a dialer has a socket of its own towards the listener, so
the listener tells them apart, and so a change of the source port can be made.
"""

from __future__ import annotations

import heapq
import itertools
import select
import socket
import threading
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Self

from stress.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from stress.faults import Incident

LOOPBACK = "127.0.0.1"
_BUFFER = 4 << 20
_LARGEST = 65536
# Datagrams of one socket before the others have their turn.
_TURN = 64
# What waits is bounded; beyond it datagrams are lost, and counted.
_MOST_WAITING = 64 << 20
_IDLE = 0.5

Address = tuple[str, int]


@dataclass
class Traffic:
    """What passed, in both directions together."""

    datagrams: int = 0
    bytes: int = 0
    dropped: int = 0
    """By chance, or in a blackout."""
    overflowed: int = 0
    """For want of room in the relay or in a socket."""
    rebinds: int = 0
    blackouts: int = 0


class _Path:
    """The sockets between one source address of a dialer and the listener."""

    def __init__(self, dialer: Address, target: Address) -> None:
        self.dialer = dialer
        self.target = target
        self.upstream = _bound()
        self.upstream.connect(target)

    def rebind(self) -> None:
        """Go on from another port; what the listener still sends to the old one is lost."""
        before = self.upstream
        self.upstream = _bound()
        self.upstream.connect(self.target)
        before.close()


class Relay:
    """Passes datagrams between dialers and *target* while its ``with`` block lasts.

    *incidents* happen in their order. Everything random comes from *seed*.
    """

    def __init__(
        self,
        target: Address,
        faults: Faults | None = None,
        *,
        incidents: Sequence[Incident] = (),
        seed: int = 1,
    ) -> None:
        self.faults = Faults() if faults is None else faults
        self.traffic = Traffic()
        self._target = target
        self._incidents = list(incidents)
        self._random = Random(seed)
        self._paths: dict[Address, _Path] = {}
        # What waits for its time: when, a number that keeps the order, where to, what.
        self._waiting: list[tuple[float, int, _Path, bool, bytes]] = []
        self._waiting_bytes = 0
        self._numbers = itertools.count()
        self._dark_until = 0.0
        self.dark_since: float | None = None
        """When the last blackout began, by the monotonic clock."""
        self._ended = False

    def __enter__(self) -> Self:
        self._front = _bound()
        self.address: Address = self._front.getsockname()
        self._waker, self._wakes = socket.socketpair()
        self._poll = select.epoll()
        self._sockets: dict[int, _Path | None] = {}
        self._poll.register(self._front, select.EPOLLIN)
        self._poll.register(self._wakes, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="relay")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._waker.send(b"\0")
        self._thread.join()
        self._poll.close()
        for path in self._paths.values():
            path.upstream.close()
        for each in (self._front, self._waker, self._wakes):
            each.close()

    def add(self, incident: Incident) -> None:
        """Let *incident* happen, after those that are still to come."""
        self._incidents.append(incident)
        self._waker.send(b"\0")

    def _run(self) -> None:
        while not self._ended:
            self._happen()
            for number, _ in self._poll.poll(self._wait()):
                if number == self._wakes.fileno():
                    self._wakes.recv(64)
                elif number == self._front.fileno():
                    self._from_dialers()
                elif path := self._sockets.get(number):
                    self._from_listener(path)
            self._deliver()

    def _wait(self) -> float:
        if not self._waiting:
            return _IDLE
        return min(_IDLE, max(0.0, self._waiting[0][0] - time.monotonic()))

    def _happen(self) -> None:
        while self._incidents and self.traffic.bytes >= self._incidents[0].after_bytes:
            incident = self._incidents.pop(0)
            if incident.blackout:
                self.dark_since = time.monotonic()
                self._dark_until = self.dark_since + incident.blackout
                self.traffic.blackouts += 1
            if incident.rebind:
                for path in self._paths.values():
                    self._forget(path)
                    path.rebind()
                    self._know(path)
                self.traffic.rebinds += 1

    def _know(self, path: _Path) -> None:
        self._sockets[path.upstream.fileno()] = path
        self._poll.register(path.upstream, select.EPOLLIN)

    def _forget(self, path: _Path) -> None:
        self._poll.unregister(path.upstream)
        del self._sockets[path.upstream.fileno()]

    def _from_dialers(self) -> None:
        for _ in range(_TURN):
            try:
                datagram, dialer = self._front.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            path = self._paths.get(dialer)
            if path is None:
                path = self._paths[dialer] = _Path(dialer, self._target)
                self._know(path)
            self._take(path, datagram, upstream=True)

    def _from_listener(self, path: _Path) -> None:
        for _ in range(_TURN):
            try:
                datagram = path.upstream.recv(_LARGEST)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            self._take(path, datagram, upstream=False)

    def _take(self, path: _Path, datagram: bytes, *, upstream: bool) -> None:
        traffic = self.traffic
        traffic.datagrams += 1
        traffic.bytes += len(datagram)
        if self._dark_until:
            if time.monotonic() < self._dark_until:
                traffic.dropped += 1
                return
            self._dark_until = 0.0
        copies = self.faults.copies(datagram, self._random)
        if not copies:
            traffic.dropped += 1
        for delay, copy in copies:
            if delay <= 0:
                self._send(path, copy, upstream=upstream)
            elif self._waiting_bytes + len(copy) > _MOST_WAITING:
                traffic.overflowed += 1
            else:
                due = time.monotonic() + delay
                heapq.heappush(self._waiting, (due, next(self._numbers), path, upstream, copy))
                self._waiting_bytes += len(copy)

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, path, upstream, datagram = heapq.heappop(self._waiting)
            self._waiting_bytes -= len(datagram)
            self._send(path, datagram, upstream=upstream)

    def _send(self, path: _Path, datagram: bytes, *, upstream: bool) -> None:
        try:
            if upstream:
                path.upstream.send(datagram)
            else:
                self._front.sendto(datagram, path.dialer)
        except BlockingIOError:
            self.traffic.overflowed += 1
        except ConnectionRefusedError:
            # An end has gone; that is for the other end to find out.
            pass


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    made.bind((LOOPBACK, 0))
    made.settimeout(0)
    return made
