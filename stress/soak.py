"""A listener that is used, misused and flooded for long: what it holds must not grow."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.processes import Footprint

from stress import beside
from stress.floods import Flood
from stress.hostile import MANY, attack_command
from stress.places import ATTACKER_CPU, LISTENER_CPU, pinned
from stress.programs import ATTACKERS, PEERS, STRESS_PEER, listening, run
from stress.results import Part
from stress.work import MIB

if TYPE_CHECKING:
    from peers import Listener

    from stress.programs import Ended
    from stress.work import Work

# Of the memory: the allocator's doing, not that of anything that is kept.
MOST_GROWTH = 4 * MIB
# After that a listener has forgotten peers that ended without a word (Limits.silence_timeout).
_QUIET_SECONDS = 25.0
_STEP_SECONDS = 4.0
_TIMEOUT = 60.0
_ROWS = 20
_FLOOD = Flood(kind="mixed", networks=MANY, rate=20_000)

_TEXT = """\
One listener of ours, for {minutes:g} minutes. In turn: clients dial, ping and close for {step:g} s; a client
echoes 20 MB on 50 streams; 64 attackers who have connected open and reset 100 streams a second each; clients
again; strangers flood it from {networks} networks at 20000 datagrams a second. After each turn of all these
it is looked at. *Growth* is the median of what it holds in the last quarter of the time, less that of the
second."""


@dataclass(frozen=True)
class Look:
    """What the listener held."""

    minute: float
    rss: int
    descriptors: int
    connections: int
    streams: int


def measure(work: Work) -> Part:
    """Use one listener in all ways, again and again."""
    text = _TEXT.format(minutes=work.soak_minutes, step=_STEP_SECONDS, networks=MANY)
    columns = ("minute", "RSS, MiB", "descriptors", "connections", "streams")
    part = Part("soak", "A long time", text, columns)
    looks: list[Look] = []
    problems: list[str] = []
    with listening((*pinned(LISTENER_CPU), *PEERS["ours"].command, "listen")) as (server, pid):
        beside.warm(server.address, work.warm_seconds)
        time.sleep(_STEP_SECONDS)
        started = time.monotonic()
        first = _look(server, pid, started)
        while time.monotonic() < started + 60 * work.soak_minutes:
            for ended in _turn(server.address):
                problems += [ended.problem] if ended.problem else []
            looks.append(_look(server, pid, started))
        time.sleep(_QUIET_SECONDS)
        last = _look(server, pid, started)
    for look in (first, *looks[:: max(1, len(looks) // _ROWS)], last):
        part.row(
            f"{look.minute:.1f}", f"{look.rss / MIB:.1f}", f"{look.descriptors}", f"{look.connections}",
            f"{look.streams}", **asdict(look),
        )  # fmt: skip
    part.figures.append({"looks": [asdict(look) for look in looks]})
    _judge(part, first, looks, last)
    part.target("nothing that used it failed", problems[0] if problems else "nothing", met=not problems)
    return part


def _judge(part: Part, first: Look, looks: list[Look], last: Look) -> None:
    quarter = max(1, len(looks) // 4)
    second, fourth = looks[quarter : 2 * quarter] or looks, looks[-quarter:]
    growth = median(look.rss for look in fourth) - median(look.rss for look in second)
    part.target(
        f"memory grows by less than {MOST_GROWTH // MIB} MiB",
        f"{growth / MIB:.2f} MiB",
        met=growth < MOST_GROWTH,
    )
    part.target(
        "no connection and no stream is left",
        f"{last.connections} and {last.streams}",
        met=last.connections == 0 and last.streams == 0,
    )
    more = last.descriptors - first.descriptors
    part.target("no descriptor is left", f"{more} more", met=more <= 0)


def _turn(address: str) -> list[Ended]:
    """Use, misuse and flood the listener once."""
    seconds = f"--seconds={_STEP_SECONDS}"
    honest = (*STRESS_PEER, "honest", address, seconds)
    transfer = (*STRESS_PEER, "slow", address, "--size=400000", "--streams=50")
    resets = (*pinned(ATTACKER_CPU), *ATTACKERS, address, "resets", "--connections=64", "--rate=100", seconds)
    flood = (*attack_command(_FLOOD, address), "--seconds", f"{_STEP_SECONDS}")
    return [run(command, timeout=_TIMEOUT) for command in (honest, transfer, resets, honest, flood)]


def _look(server: Listener, pid: int, started: float) -> Look:
    count = len(server.named("counts"))
    os.kill(pid, signal.SIGUSR1)
    if not server.wait_for("counts", count + 1, timeout=_TIMEOUT):
        raise RuntimeError("the listener does not say what it holds")
    counts = server.named("counts")[-1]
    footprint = Footprint.of(pid)
    return Look(
        (time.monotonic() - started) / 60,
        footprint.rss_bytes,
        footprint.descriptors,
        counts["connections"],
        counts["streams"],
    )
