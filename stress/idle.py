"""Very many connections that nobody uses: what they cost the listener, and who is served beside them."""

from __future__ import annotations

import sys
import time
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
_ADDRESS = "/ip4/0.0.0.0/udp/0/webrtc-direct"
# Beside the defaults there is room for all of them, and for honest clients.
_ROOM = 1000
_LIMITS = {"connections_per_second": 1000, "connections_per_second_per_address": 1000}

_TEXT = """\
A process keeps {connections} connections to our listener, from {networks} networks, and does nothing with
them for {seconds:g} s. The listener has room for them (`Limits.max_connections`); everything else is as it is
by default, so each connection is asked whether it is there every few seconds. *CPU* is the listener's, as a
share of one core, and *each* is by how much its memory grew, divided by the connections.

Then, while they are all still there: {beside} {where} All of this is in a network namespace of its own."""

_COLUMNS = ("connections", "lost", "bytes each", "CPU", *beside.COLUMNS)


def measure(work: Work) -> Part:
    """Keep them, and look at the listener."""
    attack = Attack(kind="idle", connections=work.idle_connections, networks=_NETWORKS)
    text = _TEXT.format(
        connections=attack.connections,
        networks=attack.networks,
        seconds=work.idle_seconds,
        beside=beside.TEXT.replace("Meanwhile one", "one", 1),
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
    room = attack.connections + _ROOM
    limits = {"max_connections": room, "max_connections_per_address": room, **_LIMITS}
    given = [word for name, value in limits.items() for word in ("--limit", f"{name}={value}")]
    command = (sys.executable, "-m", "webrtc_direct", "listen", "--json", *given, _ADDRESS)
    with listening((*prefix, *pinned(LISTENER_CPU), *command)) as (server, pid):
        beside.warm(server.address, work.warm_seconds, prefix)
        before = Footprint.of(pid)
        attackers = (*prefix, *pinned(ATTACKER_CPU), *ATTACKERS, server.address, *attack.arguments)
        seconds = work.idle_seconds + work.flood_seconds + beside.AFTER_SECONDS
        clients = beside.Clients(server.address, work.flood_seconds, prefix)
        with running((*attackers, f"--seconds={seconds}")) as process:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError("the idle connections were not made")
            cpu, started = cpu_seconds(pid), time.monotonic()
            time.sleep(work.idle_seconds)
            share = (cpu_seconds(pid) - cpu) / (time.monotonic() - started)
            each = (Footprint.of(pid).rss_bytes - before.rss_bytes) / attack.connections
            with clients.connected() as again:
                seen = clients.see(again)
            words, _ = process.communicate(timeout=seconds + GRACE_SECONDS)
    result: dict[str, Any] = last_event(words)
    lost = sum(result["lost"].values())
    left = result["connections"]
    figures = {"connections": left, "lost": lost, "each": each, "cpu": share, "attackers": result}
    part.row(
        f"{left}", f"{lost}", f"{each:.0f}", f"{100 * share:.1f} %", *seen.cells, **figures, **seen.figures
    )
    part.target("none is lost", f"{lost}", met=lost == 0 and left == attack.connections)
    part.target(f"each costs less than {MOST_EACH} bytes", f"{each:.0f}", met=each < MOST_EACH)
    words = f"{100 * share:.1f} %"
    part.target(f"the listener takes less than {100 * MOST_CPU:g} % of a core", words, met=share < MOST_CPU)
    seen.note_problems(part, "idle")
    beside.judge(part, [("idle", seen)])
