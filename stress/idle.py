"""Very many connections that nobody uses: what they cost the listener, and who is served beside them."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.processes import Footprint, cpu_seconds

from stress import beside
from stress.authenticated import Attack
from stress.places import ATTACKER_CPU, LISTENER_CPU, WHERE, Namespace, pinned
from stress.programs import ATTACKERS, GRACE_SECONDS, last_event, listening, running
from stress.results import Part

if TYPE_CHECKING:
    from stress.work import Work

MOST_EACH = 36_000
MOST_CPU = 0.1
_NETWORKS = 50
# Each holds a part: a dial takes two descriptors, and a process may have only so many.
_PROCESSES = 5
_ADDRESS = "/ip4/0.0.0.0/udp/0/webrtc-direct"
# Beside the defaults there is room for all of them, and for honest clients.
_ROOM = 1000
_LIMITS = {"connections_per_second": 1000, "connections_per_second_per_address": 1000}

_TEXT = """\
Processes keep {connections} connections to our listener, from {networks} networks, and does nothing with
them for {seconds:g} s. The listener has room for them (`Limits.max_connections`); everything else is as it is
by default, so each connection is asked whether it is there every few seconds. *CPU* is the listener's, as a
share of one core, and *each* is by how much its memory grew, divided by the connections.

They stay for the clients that come after that. {beside} {where}
All of this is in a network namespace of its own."""

_COLUMNS = ("connections", "lost", "bytes each", "CPU", *beside.COLUMNS)


def measure(work: Work) -> Part:
    """Keep them, and look at the listener."""
    attack = Attack(kind="idle", connections=work.idle_connections // _PROCESSES, networks=_NETWORKS)
    text = _TEXT.format(
        connections=work.idle_connections,
        networks=attack.networks,
        seconds=work.idle_seconds,
        beside=beside.TEXT,
        where=WHERE,
    )
    part = Part("idle", "Many idle connections", text, _COLUMNS)
    try:
        with Namespace() as namespace:
            namespace.own(attack.ips)
            _keep(part, attack, work, namespace.prefix)
    except OSError as error:
        part.target("it was measured", f"{error}", met=False)
    return part


def _keep(part: Part, attack: Attack, work: Work, prefix: tuple[str, ...]) -> None:
    count = attack.connections * _PROCESSES
    room = count + _ROOM
    limits = {"max_connections": room, "max_connections_per_address": room, **_LIMITS}
    given = [word for name, value in limits.items() for word in ("--limit", f"{name}={value}")]
    command = (sys.executable, "-m", "webrtc_direct", "listen", "--json", *given, _ADDRESS)
    with listening((*prefix, *pinned(LISTENER_CPU), *command)) as (server, pid):
        beside.warm(server.address, work.warm_seconds, prefix)
        before = Footprint.of(pid)
        attackers = (*prefix, *pinned(ATTACKER_CPU), *ATTACKERS, server.address, *attack.arguments)
        seconds = work.idle_seconds + work.flood_seconds + beside.AFTER_SECONDS
        clients = beside.Clients(server.address, work.flood_seconds, prefix)
        with ExitStack() as stack:
            attacking = (*attackers, f"--seconds={seconds}")
            processes = [stack.enter_context(running(attacking)) for _ in range(_PROCESSES)]
            for process in processes:
                if process.stdout is None or not process.stdout.readline():
                    raise RuntimeError("the idle connections were not made")
            cpu, started = cpu_seconds(pid), time.monotonic()
            time.sleep(work.idle_seconds)
            share = (cpu_seconds(pid) - cpu) / (time.monotonic() - started)
            each = (Footprint.of(pid).rss_bytes - before.rss_bytes) / count
            with clients.connected() as again:
                seen = clients.see(again)
            ended = [process.communicate(timeout=seconds + GRACE_SECONDS)[0] for process in processes]
    _judge(part, [last_event(words) for words in ended], count, each, share, seen)


def _judge(
    part: Part, results: list[dict[str, Any]], count: int, each: float, share: float, seen: beside.Seen
) -> None:
    """Say what came of *count* connections: bytes of *each*, and the *share* of a core that all took."""
    lost = sum(sum(result["lost"].values()) for result in results)
    left = sum(result["connections"] for result in results)
    figures = {
        "connections": left,
        "connections_lost": lost,
        "each": each,
        "cpu": share,
        "attackers": results,
    }
    cpu = f"{100 * share:.1f} %"
    part.row(f"{left}", f"{lost}", f"{each:.0f}", cpu, *seen.cells, **figures, **seen.figures)
    part.target("none is lost", f"{lost}", met=lost == 0 and left == count)
    part.target(f"each costs less than {MOST_EACH} bytes", f"{each:.0f}", met=each < MOST_EACH)
    part.target(f"the listener takes less than {100 * MOST_CPU:g} % of a core", cpu, met=share < MOST_CPU)
    seen.note_problems(part, "idle")
    beside.judge(part, [("idle", seen)])
