"""The relay between dialer and listener, and what it counted."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builds import ROOT
from peers import Listener, PeerFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.paths.path import Path as NetworkPath

_RUST = ROOT / "rust"
_PROGRAM = _RUST / "target" / "release" / "webrtc-direct-relay"
_UDP_PORT = re.compile(r"/udp/(\d+)/")
WAYS = ("up", "down")


@dataclass
class Relayed:
    """A relay that runs, or has run."""

    addresses: list[str]
    """To be dialed in place of the listeners' own."""
    started: float
    """By the monotonic clock."""
    counters: dict[str, Any] = field(default_factory=dict)
    """There when it has ended."""

    def passed(self, way: str) -> int:
        """Return the bytes of UDP that passed: more than arrived of the data, never less."""
        return int(self.counters[way]["passed_bytes"])


def build() -> None:
    """Build the relay unless it is newer than its sources.

    Raises:
        SystemExit: it does not build.
    """
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "webrtc-direct-relay"]
    command += ["--manifest-path", str(_RUST / "Cargo.toml"), "--target-dir", str(_RUST / "target")]
    if subprocess.run(command, check=False).returncode != 0:
        raise SystemExit("error: rust/relay does not build")


@contextmanager
def relayed(
    listeners: Sequence[str], path: NetworkPath, *, seed: int = 1, trace: Path | None = None
) -> Iterator[Relayed]:
    """Run a relay to the *listeners*, given by their multiaddrs; all of them share its bottlenecks.

    Raises:
        PeerFailure: the relay failed, or lost datagrams for want of room: nothing that was measured counts.
    """
    command = [str(_PROGRAM), *path.options(), "--seed", str(seed)]
    for address in listeners:
        command += ["--to", f"127.0.0.1:{_port(address)}"]
    if trace is not None:
        command += ["--trace", str(trace)]
    with Listener(command) as program:
        ports = [address.rpartition(":")[2] for address in program.events[0]["addresses"]]
        addresses = [
            _UDP_PORT.sub(f"/udp/{port}/", address, count=1)
            for address, port in zip(listeners, ports, strict=True)
        ]
        found = Relayed(addresses, program.events[0]["at"])
        yield found
    found.counters = program.events[-1]
    missed = found.counters["kernel_dropped"] + sum(found.counters[way]["overflowed"] for way in WAYS)
    if missed:
        raise PeerFailure(f"the relay was too slow for {missed} datagrams: the machine is too busy")


def read_trace(file: Path) -> list[dict[str, Any]]:
    """Return the samples that a relay wrote."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _port(address: str) -> str:
    found = _UDP_PORT.search(address)
    if found is None:
        raise ValueError(address)
    return found[1]
