"""How long a connection takes to be made, and a ping to come back: each library with itself and the other."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.programs import ALL, DIAL_SECONDS, LISTENERS, in_turns, listening
from benchmarks.results import Table, percentile

if TYPE_CHECKING:
    from benchmarks.work import Work


def measure_connect(work: Work) -> Table:
    """Dial many times, one after the other, in one process for each pair."""
    title = f"Connect, start of the dial to the end of Noise: {work.dials} dials in one process"
    return _measure("connect", title, "connect_ms", ["--count", str(work.dials)], work)


def measure_ping(work: Work) -> Table:
    """Ping back to back on one stream of one connection for each pair."""
    title = f"Ping round trip: {work.pings} back to back on one stream"
    return _measure("ping", title, "ping_ms", ["--pings", str(work.pings)], work)


def _measure(name: str, title: str, samples: str, options: list[str], work: Work) -> Table:
    table = Table(name, title, tuple(map(str, ALL)))
    with ExitStack() as stack:
        addresses = {side: stack.enter_context(listening(side))[0].address for side in LISTENERS}
        for run in range(work.runs):
            for pair in in_turns(ALL, run=run):
                dialer = LISTENERS[pair.dialer]
                result = dialer.dial(addresses[pair.listener], options, timeout=DIAL_SECONDS)
                column = str(pair)
                table.add("p50", "ms", "lower", column=column, value=median(result[samples]))
                table.add("p95", "ms", "lower", column=column, value=percentile(result[samples], 95))
    return table
