"""Pings beside a bulk transfer through a deep queue, on its connection and on another one."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING, Any

from peers import Peer, PeerFailure

from benchmarks.paths.path import Path
from benchmarks.paths.programs import peer
from benchmarks.paths.relay import WAYS, relayed
from benchmarks.paths.transfer import LOOPBACK, TRANSFERS
from benchmarks.results import percentile

if TYPE_CHECKING:
    from benchmarks.paths.results import Results

PART = "pings"
CLIENT = Peer("ours", (sys.executable, "-m", "benchmarks.paths.client"), agent="webrtc-direct")
PATH = Path(name="deep", delay_ms=10, rate_mbit=100, queue_ms=500)
# Some seconds of it, so that a sender that fills the queue has filled it.
_SIZE = 100_000_000
_TIMEOUT = 90.0
_OTHER_SECONDS = 6.0
CONNECTIONS = ("the same connection", "another connection")


def measure(results: Results, *, runs: int) -> list[str]:
    """Measure *runs* times, and return what went wrong."""
    problems = []
    for run in range(runs):
        for way in WAYS:
            try:
                same = _same(way, run)
                # Its own first pings have the transfer beside them already.
                other = _other(way, run) | {"unloaded": same["unloaded"]}
            except PeerFailure as failure:
                problems.append(f"pings beside {way}: {failure}")
                continue
            for connection, sample in zip(CONNECTIONS, (same, other), strict=True):
                results.add(PART, f"{way}, {connection}", sample)
                print(f"pings beside {way}, {connection}: {sample}", flush=True)
    return problems


def _same(way: str, run: int) -> dict[str, Any]:
    with peer("python").listen(LOOPBACK) as listener:
        with relayed([listener.address], PATH, seed=run + 1) as relay:
            result = CLIENT.dial(relay.addresses[0], [*_bulk(way), "--pings"], timeout=_TIMEOUT)
    return _sample(result) | {"rate": round(_SIZE / 1e6 / result["seconds"], 2)}


def _other(way: str, run: int) -> dict[str, Any]:
    """Ping on a connection of another process while the bulk transfer is under way."""
    with peer("python").listen(LOOPBACK) as listener, ThreadPoolExecutor() as pool:
        with relayed([listener.address], PATH, seed=run + 1) as relay:
            bulk = pool.submit(CLIENT.dial, relay.addresses[0], _bulk(way), timeout=_TIMEOUT)
            options = ["--pings", f"--seconds={_OTHER_SECONDS}"]
            pings = CLIENT.dial(relay.addresses[0], options, timeout=_TIMEOUT)
            seconds = bulk.result()["seconds"]
    return _sample(pings) | {"rate": round(_SIZE / 1e6 / seconds, 2)}


def _bulk(way: str) -> list[str]:
    return [f"--{TRANSFERS[way].replace('_', '-')}={_SIZE}"]


def _sample(result: dict[str, Any]) -> dict[str, Any]:
    if not result["ping_ms"]:
        raise PeerFailure("no ping came back during the transfer")
    return {
        "unloaded": round(median(result["unloaded_ping_ms"]), 1),
        "p50": round(median(result["ping_ms"]), 1),
        "p95": round(percentile(result["ping_ms"], 95), 1),
    }
