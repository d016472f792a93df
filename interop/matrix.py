"""The cells of the interoperability matrix: what each does, checks and shows."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from peers import Listener, PeerFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peers import Event, Peer

ADDRESSES = {"IPv4": "127.0.0.1", "IPv6": "::1"}
PROTOCOLS = frozenset(
    {"/ipfs/ping/1.0.0", "/ipfs/id/1.0.0", "/echo/1.0.0", "/perf/1.0.0", "/interop/checked/1.0.0"}
)
# In the words of the results: what has every byte compared, and what is counted only.
COMPARED = ("upload", "download", "echo")
COUNTED = ("perf_upload", "perf_download")

_COLUMNS = "{:<7} {:<8} {:<3} {:<4} {:>10} {:>7} {:>7} {:>7} {:>7} {:>8} {:>9} {:>8}  {}"
HEADER = _COLUMNS.format(
    "dialer", "listener", "ver", "IP", "connect ms", "ping ms", "up MB/s", "down", "perf up", "perf down",
    "echo MB/s", "seconds", "result",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """How much each cell does. Sizes are bytes, *timeout* is in seconds."""

    connections: int = 10
    pings: int = 20
    transfer_size: int = 64 * 1024 * 1024
    echo_size: int = 1024 * 1024
    echo_streams: int = 4
    timeout: float = 180.0

    def options(self) -> list[str]:
        """Return it as options of ``dial``."""
        transfers = [
            f"--{name.replace('_', '-')}={self.transfer_size}" for name in self.sizes() if name != "echo"
        ]
        return [
            f"--count={self.connections}",
            f"--pings={self.pings}",
            *transfers,
            f"--echo-size={self.echo_size}",
            f"--echo-streams={self.echo_streams}",
        ]

    def sizes(self) -> dict[str, int]:
        """Return how many bytes each transfer of the result has moved in one direction."""
        moved = dict.fromkeys((*COMPARED, *COUNTED), self.transfer_size)
        return moved | {"echo": self.echo_size * self.echo_streams}


@dataclass
class Cell:
    """One dialer, listener, version and address family; after ``run`` also what came of it."""

    dialer: Peer
    listener: Peer
    version: str
    family: str
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    result: Event | None = None

    def run(self, work: Work) -> None:
        """Start the listener, dial it, do the *work*, and note every problem."""
        started = time.perf_counter()
        try:
            with self.listener.listen(ADDRESSES[self.family]) as listener:
                self._dial(listener, work)
            # Judged after the listener's end, so that all its events are there.
            if self.result is not None:
                self.problems += self._judge(self.result, listener, work)
            for event in listener.named("error"):
                self.problems.append(f"the listener: {event.get('protocol')}: {event.get('error')}")
        except PeerFailure as failure:
            self.problems.append(str(failure))
        self.seconds = time.perf_counter() - started

    def _dial(self, listener: Listener, work: Work) -> None:
        options = ["--version", self.version, *work.options()]
        try:
            self.result = self.dialer.dial(listener.address, options, timeout=work.timeout)
        except PeerFailure as failure:
            self.problems.append(str(failure))

    def _judge(self, result: Event, listener: Listener, work: Work) -> Iterable[str]:
        expected = {"event": "result", "peer_id": listener.peer_id, "version": self.version}
        for name, value in expected.items():
            if result.get(name) != value:
                yield f"{name} is {result.get(name)!r} instead of {value!r}"
        if not str(result.get("agent")).startswith(self.listener.agent):
            yield f"identify says {result.get('agent')!r} instead of {self.listener.agent}…"
        if missing := PROTOCOLS.difference(result.get("protocols") or ()):
            yield f"identify lacks {', '.join(sorted(missing))}"
        yield from _judge_measurements(result, work)
        connected = [event["peer_id"] for event in listener.named("connected")]
        if connected != [result.get("local_peer_id")] * work.connections:
            yield f"the listener saw the connections {connected}"

    def row(self) -> str:
        """Return the cell as a line of the table."""
        result = self.result or {}
        numbers = [
            _median(result.get("connect_ms")),
            _median(result.get("ping_ms")),
            *(_speed(result.get(name)) for name in ("upload", "download", *COUNTED, "echo")),
        ]
        return _COLUMNS.format(
            self.dialer.name, self.listener.name, self.version, self.family, *numbers, f"{self.seconds:.1f}",
            "; ".join(self.problems) or "ok",
        )  # fmt: skip

    def document(self) -> dict[str, Any]:
        """Return the cell for the JSON file."""
        return {
            "dialer": self.dialer.name,
            "listener": self.listener.name,
            "version": self.version,
            "family": self.family,
            "ok": not self.problems,
            "problems": self.problems,
            "seconds": round(self.seconds, 3),
            "result": self.result,
        }


def _judge_measurements(result: Event, work: Work) -> Iterable[str]:
    for name, count in (("connect_ms", work.connections), ("ping_ms", work.pings)):
        if len(result.get(name) or ()) != count:
            yield f"{name} has {len(result.get(name) or ())} samples instead of {count}"
    for name, size in work.sizes().items():
        transfer = result.get(name) or {}
        if transfer.get("bytes") != size:
            yield f"{name} moved {transfer.get('bytes')} bytes instead of {size}"
        if transfer.get("compared") is not (name in COMPARED):
            yield f"{name} has compared={transfer.get('compared')}"


def _median(samples: list[float] | None) -> str:
    return f"{statistics.median(samples):.2f}" if samples else "-"


def _speed(transfer: Event | None) -> str:
    return f"{transfer['mb_per_s']:.0f}" if transfer else "-"
