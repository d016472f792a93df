"""How fast bytes move over ``/perf/1.0.0``, and what CPU time that costs each process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.processes import cpu_seconds
from benchmarks.programs import DIAL_SECONDS, PERF_CLIENTS, SAME, in_turns, listening
from benchmarks.results import Table

if TYPE_CHECKING:
    from benchmarks.programs import Pair
    from benchmarks.work import Work

STREAMS = (1, 4)
_GB = 1e9


def measure(work: Work) -> Table:
    """Move the same bytes go to go and ours to ours, one direction and number of streams after the other."""
    table = Table(
        "throughput",
        f"Throughput of /perf/1.0.0, {work.transfer_size / 1e6:.0f} MB a transfer, each on a new connection",
        tuple(map(str, SAME)),
    )
    for run in range(work.runs):
        for streams in STREAMS:
            for direction in ("upload", "download"):
                for pair in in_turns(SAME, run=run):
                    _transfer(table, pair, direction, streams, work.transfer_size)
    return table


def _transfer(table: Table, pair: Pair, direction: str, streams: int, size: int) -> None:
    options = [f"--perf-{direction}", str(size // streams), "--perf-streams", str(streams)]
    with listening(pair.listener) as (listener, pid):
        before = cpu_seconds(pid)
        result = PERF_CLIENTS[pair.dialer].dial(listener.address, options, timeout=DIAL_SECONDS)
        listener_cpu = cpu_seconds(pid) - before
    moved = result["bytes"]
    what = f"{direction}, {streams} stream{'s' if streams > 1 else ''}"
    column = str(pair)
    table.add(what, "MB/s", "higher", column=column, value=moved / 1e6 / result["seconds"])
    for process, seconds in (("dialer", result["cpu_seconds"]), ("listener", listener_cpu)):
        table.add(
            f"{what}: CPU of the {process}", "s/GB", "lower", column=column, value=seconds / (moved / _GB)
        )
