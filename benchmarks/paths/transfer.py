"""One transfer over one path: who, which way, how many bytes, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peers import PeerFailure

from benchmarks.paths.programs import DIALS, Pair, peer
from benchmarks.paths.relay import relayed

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.paths.path import Path as NetworkPath

LOOPBACK = "127.0.0.1"
# Which option of ``dial`` asks for it; its result has the same name.
TRANSFERS = {"up": "perf_upload", "down": "perf_download"}
_START_SECONDS = 10.0
_ROUND_TRIPS_TO_START = 20


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a transfer reached, in MB/s. One that was not done in time reached less than *rate*."""

    rate: float
    done: bool
    packets: int = 0
    """That entered the bottleneck's way, with those that it dropped."""
    queue_dropped: int = 0
    answers: int = 0
    """Packets of the other way."""
    late: float = 0.0
    """The share of packets that the relay sent a millisecond too late, or more."""


def transfer(pair: Pair, path: NetworkPath, way: str, *, seed: int, trace: Path | None = None) -> Outcome:
    """Move what the path is given, on a connection of its own. After the path's limit it is given up.

    Raises:
        PeerFailure: a program failed, in each of the dials that it may have.
    """
    for left in reversed(range(DIALS)):
        try:
            return _transfer(pair, path, way, seed=seed, trace=trace)
        except PeerFailure:
            if not left:
                raise
    raise AssertionError


def start_seconds(path: NetworkPath) -> float:
    """Return the time in which a dialer starts, connects and is identified, at most."""
    return _START_SECONDS + _ROUND_TRIPS_TO_START * path.round_trip_seconds


def _transfer(pair: Pair, path: NetworkPath, way: str, *, seed: int, trace: Path | None) -> Outcome:
    size, limit = path.size, path.limit
    name = TRANSFERS[way]
    options = [f"--{name.replace('_', '-')}={size}"]
    # The limit is for the transfer alone; who starts in less time has a little more for it.
    timeout = limit + start_seconds(path)
    with peer(pair.listener).listen(LOOPBACK) as listener:
        with relayed([listener.address], path, seed=seed, trace=trace) as relay:
            started = time.monotonic()
            try:
                result = peer(pair.dialer).dial(relay.addresses[0], options, timeout=timeout)
                seconds = float(result[name]["seconds"])
            except PeerFailure:
                if time.monotonic() - started < limit:
                    raise
                seconds = 0.0
    other = "down" if way == "up" else "up"
    here, there = relay.counters[way], relay.counters[other]
    done = seconds > 0
    return Outcome(
        rate=size / 1e6 / seconds if done else min(size, relay.passed(way)) / 1e6 / limit,
        done=done,
        packets=here["datagrams"],
        queue_dropped=here["queue_dropped"],
        answers=there["datagrams"],
        late=(here["late"] + there["late"]) / max(1, here["passed"] + there["passed"]),
    )
