"""Attackers who have proved who they are, hold many connections and misbehave, beside honest clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.processes import Footprint, Peak

from stress import beside
from stress.places import ATTACKER_CPU, LISTENER_CPU, WHERE, Namespace, pinned
from stress.programs import ATTACKERS, GRACE_SECONDS, PEERS, last_event, listening, running
from stress.results import Part

if TYPE_CHECKING:
    from stress.work import Work

KIB = 1024
# What a connection may cost; SCTP's first window is 128 KiB, and all together may have 32 MiB unsent.
MOST_EACH = {"idle": 64 * KIB, "resets": 640 * KIB, "trickle": 384 * KIB}
# A file that Python opens for a moment is one; that of a connection would be hundreds.
MOST_DESCRIPTORS = 4


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A kind of attack, by connections from so many networks; *rate* is the streams a second of each."""

    kind: str
    connections: int
    networks: int
    rate: float = 0

    def __str__(self) -> str:
        how = f"{self.kind}, {self.rate:g}/s" if self.rate else self.kind
        return f"{how}, {self.connections} of {self.networks}"

    @property
    def ips(self) -> list[str]:
        """The addresses, each of a network of its own."""
        return [f"127.{100 + number // 250}.{number % 250}.1" for number in range(self.networks)]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the attackers are told."""
        more = ("--connections", str(self.connections), "--rate", str(self.rate))
        return (self.kind, *more, "--ips", *self.ips)


# 256 is what one address may have (``Limits.max_connections_per_address``), and 1000 what a listener has.
ATTACKS = (
    *(Attack(kind="idle", connections=256, networks=count) for count in (1, 256)),
    Attack(kind="idle", connections=900, networks=900),
    *(Attack(kind="idle", connections=1200, networks=count) for count in (100, 1200)),
    *(Attack(kind="resets", rate=rate, connections=256, networks=1) for rate in (20, 90, 400)),
    *(Attack(kind="resets", rate=rate, connections=256, networks=256) for rate in (90, 400)),
    Attack(kind="resets", rate=90, connections=900, networks=900),
    Attack(kind="trickle", connections=256, networks=256),
    Attack(kind="trickle", connections=900, networks=900),
)

_TEXT = """\
A process holds many connections to our listener with default limits, from one address of 127.0.0.0/8 or
from as many networks (/24) as the table says, and proves an identity on each. *idle*: nothing more. *resets*:
each opens streams at a rate, begins to agree on a protocol, and resets them at once; beyond 100 a second its
connection is cut off (`Limits.resets_per_second`). *trickle*: each asks for a transfer without end and reads
a byte a second of it. What ends is dialed again. 1200 connections are more than the listener has room for
(`Limits.max_connections`, 1000): those without streams make room, of the networks that have most, or of any
network if they had none in their first 10 s. All honest clients are of one network.

{beside} {where} All of this is in a network namespace of its own.

*KiB each*: by how much the listener's memory grew at its largest, divided by the attackers' connections."""

_COLUMNS = ("attack", "streams/s opened", "connections lost", "KiB each", "descriptors more", *beside.COLUMNS)


@dataclass
class Found:
    """What came of an attack."""

    attack: Attack
    each: float
    """Bytes of the listener's memory for each connection."""
    descriptors: int
    seen: beside.Seen


def measure(work: Work) -> Part:
    """Attack a listener in each way."""
    text = _TEXT.format(beside=beside.TEXT, where=WHERE)
    part = Part("authenticated", "Attackers who have connected", text, _COLUMNS)
    try:
        with Namespace() as namespace:
            namespace.own(max((attack.ips for attack in ATTACKS), key=len))
            found = [_attack(part, attack, work, namespace.prefix) for attack in ATTACKS]
    except OSError as error:
        part.target("it was measured", f"{error}", met=False)
        return part
    for kind, most in MOST_EACH.items():
        worst = max((each for each in found if each.attack.kind == kind), key=lambda each: each.each)
        part.target(
            f"a connection of *{kind}* costs less than {most // KIB} KiB",
            f"{worst.each / KIB:.0f} KiB ({worst.attack})",
            met=worst.each < most,
        )
    more = max(each.descriptors for each in found)
    part.target(
        f"all together cost the listener at most {MOST_DESCRIPTORS} descriptors",
        f"{more}",
        met=more <= MOST_DESCRIPTORS,
    )
    beside.judge(part, [(str(each.attack), each.seen) for each in found])
    return part


def _attack(part: Part, attack: Attack, work: Work, prefix: tuple[str, ...]) -> Found:
    """Attack a fresh listener, beside honest clients; all of them run behind *prefix*."""
    command = (*prefix, *pinned(LISTENER_CPU), *PEERS["ours"].command, "listen", "--ip", "0.0.0.0")
    with listening(command) as (server, pid):
        beside.warm(server.address, work.warm_seconds, prefix)
        before = Footprint.of(pid)
        seconds = work.flood_seconds + beside.AFTER_SECONDS
        attackers = (*prefix, *pinned(ATTACKER_CPU), *ATTACKERS, server.address, *attack.arguments)
        clients = beside.Clients(server.address, work.flood_seconds, prefix)
        with Peak(pid) as peak, running((*attackers, f"--seconds={seconds}")) as process:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError(f"the attackers did not connect: {attack}")
            with clients.connected() as again:
                seen = clients.see(again)
            words, _ = process.communicate(timeout=seconds + GRACE_SECONDS)
    result: dict[str, Any] = last_event(words)
    each = max(0, peak.footprint.rss_bytes - before.rss_bytes) / attack.connections
    found = Found(attack, each, peak.footprint.descriptors - before.descriptors, seen)
    lost = sum(result["lost"].values())
    part.row(
        str(attack),
        f"{result['streams'] / result['seconds']:.0f}",
        f"{lost}",
        f"{each / KIB:.0f}",
        f"{found.descriptors}",
        *seen.cells,
        attack=str(attack),
        growth=peak.footprint.rss_bytes - before.rss_bytes,
        each=each,
        descriptors=found.descriptors,
        attackers=result,
        **seen.figures,
    )
    seen.note_problems(part, str(attack))
    return found
