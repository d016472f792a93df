"""What many connections cost a listener: idle ones, and a crowd that comes and echoes at once.

The dialer is ours in both columns, one process, so the columns differ in the listener alone.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from peers import PeerFailure

from benchmarks.processes import Footprint, Peak, cpu_seconds, settled
from benchmarks.programs import DIAL_SECONDS, LISTENERS, PYTHON_CLIENT, Pair, in_turns, listening
from benchmarks.results import Table

if TYPE_CHECKING:
    from benchmarks.work import Work

PAIRS = tuple(Pair("ours", listener) for listener in LISTENERS)
# A listener is done with what happened when it used no CPU for so long; go collects garbage meanwhile.
QUIET_SECONDS = 1.0
SETTLE_SECONDS = 15.0


def measure_idle(work: Work) -> Table:
    """Open many connections, leave them idle, close them; look at the listener before, during and after."""
    count = work.idle_connections
    table = Table("idle", f"Memory of a listener with {count} idle connections", tuple(map(str, PAIRS)))
    for run in range(work.runs):
        for pair in in_turns(PAIRS, run=run):
            with listening(pair.listener) as (listener, pid):
                before = settled(pid, quiet=QUIET_SECONDS, at_most=SETTLE_SECONDS)
                during = _holding(listener.address, count, pid)
                after = settled(pid, quiet=QUIET_SECONDS, at_most=SETTLE_SECONDS)
            column = str(pair)
            each = (during.rss_bytes - before.rss_bytes) / count / 1e3
            table.add("RSS of one connection", "kB", "lower", column=column, value=each)
            _add_footprints(table, column, before=before, during=during, after=after)
    return table


def measure_crowd(work: Work) -> Table:
    """Have many connections come at once and echo on several streams, every byte compared by the dialer."""
    total = work.crowd_connections * work.crowd_streams * work.crowd_size
    table = Table(
        "crowd",
        f"{work.crowd_connections} connections at once, each echoing {work.crowd_size / 2**20:g} MiB "
        f"on each of {work.crowd_streams} streams ({total / 1e6:.0f} MB each way)",
        tuple(map(str, PAIRS)),
    )
    options = ["--crowd", str(work.crowd_connections), "--echo-streams", str(work.crowd_streams)]
    options += ["--echo-size", str(work.crowd_size)]
    for run in range(work.runs):
        for pair in in_turns(PAIRS, run=run):
            with listening(pair.listener) as (listener, pid):
                before = settled(pid, quiet=QUIET_SECONDS, at_most=SETTLE_SECONDS)
                cpu = cpu_seconds(pid)
                with Peak(pid) as peak:
                    result = PYTHON_CLIENT.dial(listener.address, options, timeout=DIAL_SECONDS)
                cpu = cpu_seconds(pid) - cpu
                after = settled(pid, quiet=QUIET_SECONDS, at_most=SETTLE_SECONDS)
                if errors := listener.named("error"):
                    raise PeerFailure(f"the listener: {errors[0]['error']}")
            column = str(pair)
            table.add("all connected", "s", "lower", column=column, value=result["connect_seconds"])
            table.add("all echoed", "s", "lower", column=column, value=result["seconds"])
            table.add("CPU of the listener", "s", "lower", column=column, value=cpu)
            table.add("bytes right", "MB", "neither", column=column, value=result["bytes"] / 1e6)
            _add_footprints(table, column, before=before, during=peak.footprint, after=after)
    return table


def _holding(address: str, count: int, pid: int) -> Footprint:
    """Return the footprint of the listener *pid* while *count* connections to it are idle."""
    command = [*PYTHON_CLIENT.command, "dial", address, "--hold", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as dialer:
        assert dialer.stdin is not None
        assert dialer.stdout is not None
        if "holding" not in dialer.stdout.readline():
            raise PeerFailure(f"the dialer did not get its {count} connections")
        during = settled(pid, quiet=QUIET_SECONDS, at_most=SETTLE_SECONDS)
        dialer.stdin.close()
        if dialer.wait() != 0:  # it ends itself at its own timeout
            raise PeerFailure(f"the dialer lost one of its {count} connections")
    return during


def _add_footprints(
    table: Table, column: str, *, before: Footprint, during: Footprint, after: Footprint
) -> None:
    for when, footprint in (("before", before), ("during", during), ("after", after)):
        value = footprint.rss_bytes / 1e6
        table.add(f"RSS {when}", "MB", "lower", column=column, value=value)
    for when, footprint in (("before", before), ("during", during), ("after", after)):
        value = footprint.descriptors
        table.add(f"descriptors {when}", "", "neither", column=column, value=value)
