"""Floods against a listener that has honest clients at the same time, and what strangers are sent."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from stress import beside
from stress.floods import JOINED, MOST_NETWORKS, Flood, client_options
from stress.memory import Peak, resident
from stress.places import ATTACKER_CPU, IP6, LISTENER_CPU, WHERE, Namespace, pinned
from stress.programs import GRACE_SECONDS, LOOPBACK, PEERS, last_event, listening, run, running
from stress.results import Part
from stress.work import MIB

if TYPE_CHECKING:
    from stress.work import Work

COUNTED_RATE = 20_000
MOST_GROWTH = 4 * MIB
# Where the attacker owns his addresses, and so may have handshakes.
MOST_GROWTH_PROVED = 8 * MIB
MOST_RATIO = 3.0

NETWORKS = (1, 16, 64, 200, 4096, MOST_NETWORKS)
# The number of networks beyond which a budget that networks share is the attacker's, as it once was.
MANY = 200
FLOODS = (
    *(Flood(kind="mixed", networks=count, batch=JOINED) for count in NETWORKS),
    *(Flood(kind=kind, networks=count) for kind in ("mixed", "authentic") for count in NETWORKS),
    *(
        Flood(kind=kind, networks=count, rate=COUNTED_RATE)
        for kind in ("mixed", "authentic")
        for count in NETWORKS
    ),
    *(Flood(kind=kind, networks=MANY, batch=JOINED) for kind in ("garbage", "forged", "hello")),
    *(
        Flood(kind=kind, networks=MANY)
        for kind in ("garbage", "forged", "authentic-v1", "authentic-v2", "hello", "half-open")
    ),
)
FLOODS_IP6 = (
    Flood(kind="mixed", networks=4096, is_ip6=True),
    Flood(kind="mixed", networks=4096, rate=COUNTED_RATE, is_ip6=True),
)
# An attacker who owns his addresses. 256 handshakes of 10 s each are what a listener keeps by default:
# beyond some 25 a second they have to give way to each other.
PROVED = (
    Flood(kind="half-open-proved", networks=64, rate=20),
    *(Flood(kind="half-open-proved", networks=count, rate=2000) for count in (1, 64, 4096)),
    *(
        Flood(kind=kind, networks=count, rate=200)
        for kind in ("after-dtls", "after-init", "after-sctp")
        for count in (1, 64, 4096)
    ),
)
UNPROVED = ("garbage", "forged", "authentic-v1", "authentic-v2", "hello", "half-open", "mixed")
# Few enough that an address sends more than once.
COUNTED_NETWORKS = 16

_TEXT = """\
A program in Rust (`rust/flood`) floods our listener from addresses of 127.0.0.0/8, in random order: 4096 of
them, 8 ports each, in as many networks (/24) as the table says, or as many as there are networks, or as one
network has. It sends as fast as one core can, or at a rate. *Joined* floods hand the kernel {joined}
datagrams of one source at once, which gives the highest rate, most of which the kernel drops at the
listener's full socket; *single* ones hand over each datagram (or each request with its ClientHello) by
itself. *forged*: Binding requests with a wrong MESSAGE-INTEGRITY. *authentic*: requests of as many clients,
of both versions in turn. *hello*: DTLS ClientHellos out of nowhere. *half-open*: an authentic request and a
ClientHello from an address that answers nothing. *mixed*: all of these and garbage in turn, one of three
requests forged. *proved*: half-open from addresses that answer the listener's checks, that is, from an
attacker who owns them, and who then falls silent. *after-dtls*, *after-init*, *after-sctp*: clients that
really connect, so many a second, and fall silent once DTLS is done, with SCTP's INIT, and before Noise.

{beside} {where}

Left out, for time: joined floods of each kind at each number of networks, and single kinds at {rate}/s.

*Bytes back* are counted by the flooder per source address, at {rate} datagrams a second, where nothing is
lost on either side, and for {linger:.0f} s after its last datagram, so that retransmissions count."""

_COLUMNS = (
    "flood",
    "datagrams/s",
    "dropped by the kernel",
    "growth, MiB",
    *beside.COLUMNS,
)


@dataclass
class Found:
    """What came of a flood."""

    flood: Flood
    rate: float
    dropped: int
    growth: int
    seen: beside.Seen

    @property
    def most_growth(self) -> int:
        """By how much the memory may grow."""
        return MOST_GROWTH_PROVED if self.flood in PROVED else MOST_GROWTH


def measure(work: Work) -> Part:
    """Flood a listener in each way."""
    text = _TEXT.format(
        joined=JOINED, rate=COUNTED_RATE, linger=work.linger_seconds, beside=beside.TEXT, where=WHERE
    )
    part = Part("hostile", "A hostile network", text, _COLUMNS)
    found = [_flood(part, flood, work) for flood in FLOODS]
    try:
        with Namespace() as namespace:
            found += [_flood(part, flood, work, namespace.prefix) for flood in FLOODS_IP6]
    except OSError as error:
        part.notes.append(f"IPv6 was left out: {error}.")
    found += [_flood(part, flood, work) for flood in PROVED]
    _judge(part, found)
    ratio, kind = max((_ratio(part, kind, work), kind) for kind in UNPROVED)
    part.target(
        "no address that proved nothing gets more than 3 times what it sent",
        f"{ratio:.2f} times ({kind})",
        met=ratio <= MOST_RATIO,
    )
    return part


def _judge(part: Part, found: list[Found]) -> None:
    """Say what the floods have to keep to, and whether they did."""
    for growth, owner in ((MOST_GROWTH, ""), (MOST_GROWTH_PROVED, ", where the attacker owns his addresses")):
        worst = max((each for each in found if each.most_growth == growth), key=lambda each: each.growth)
        measured = f"{worst.growth / MIB:.2f} MiB ({worst.flood})"
        met = worst.growth < growth
        part.target(f"memory grows by less than {growth // MIB} MiB{owner}", measured, met=met)
    beside.judge(part, [(str(each.flood), each.seen) for each in found])


def _flood(part: Part, flood: Flood, work: Work, prefix: tuple[str, ...] = ()) -> Found:
    """Flood a fresh listener, beside honest clients; all of them run behind *prefix*."""
    command = (
        *prefix,
        *pinned(LISTENER_CPU),
        *PEERS["ours"].command,
        "listen",
        "--ip",
        IP6 if flood.is_ip6 else LOOPBACK,
    )
    with listening(command) as (server, pid), ExitStack() as stack:
        beside.warm(server.address, work.warm_seconds, prefix)
        before = resident(pid)
        clients = beside.Clients(server.address, work.flood_seconds, prefix)
        again = stack.enter_context(clients.connected())
        seconds = work.flood_seconds + beside.AFTER_SECONDS
        attack = (*prefix, *attack_command(flood, server.address), "--seconds", f"{seconds}")
        if flood.is_of_clients:
            attack += client_options(server.address, Path(stack.enter_context(TemporaryDirectory())))
        with Peak(pid) as peak, running(attack) as flooder:
            seen = clients.see(again)
            sent, _ = flooder.communicate(timeout=seconds + GRACE_SECONDS)
        dropped = _dropped(pid, server.address)
    counts = last_event(sent)
    rate = counts["datagrams_sent"] / counts["seconds"]
    found = Found(flood, rate, dropped, max(0, peak.bytes - before), seen)
    part.row(
        str(flood),
        f"{rate:.0f}",
        f"{dropped}",
        f"{found.growth / MIB:.2f}",
        *seen.cells,
        flood=str(flood),
        rate=rate,
        dropped=dropped,
        growth=found.growth,
        **seen.figures,
    )
    seen.note_problems(part, str(flood))
    return found


def attack_command(flood: Flood, address: str, *more: str) -> tuple[str, ...]:
    """Return how *flood* is started against the multiaddr *address*."""
    ip, port = _bound(address)
    command = flood.command(f"[{ip}]:{port}" if flood.is_ip6 else f"{ip}:{port}", *more)
    return (*pinned(ATTACKER_CPU), *command)


def _ratio(part: Part, kind: str, work: Work) -> float:
    """Return how many times what it sent an address got at most, at a rate at which nothing is lost."""
    with listening((*pinned(LISTENER_CPU), *PEERS["ours"].command, "listen")) as (server, pid):
        flood = Flood(kind=kind, networks=COUNTED_NETWORKS, rate=COUNTED_RATE)
        times = ("--seconds", str(work.counted_flood_seconds), "--linger", str(work.linger_seconds))
        ended = run(attack_command(flood, server.address, *times), timeout=120)
        dropped = _dropped(pid, server.address)
    if ended.result is None:
        raise RuntimeError(ended.problem)
    counts = ended.result
    part.notes.append(
        f"Bytes back, *{kind}*: {counts['datagrams_sent']} datagrams ({counts['bytes_sent']} bytes) sent by "
        f"{counts['sources']} addresses, {counts['bytes_received']} bytes back; at most "
        f"{counts['worst_ratio']:.2f} times to one address. The kernel dropped {dropped} datagrams at the "
        "listener."
    )
    part.figures.append({"kind": kind, "dropped": dropped, **counts})
    return float(counts["worst_ratio"])


def _bound(address: str) -> tuple[str, int]:
    """Return IP address and port of a multiaddr."""
    found = re.match(r"/ip[46]/([^/]+)/udp/(\d+)/", address)
    if found is None:
        raise ValueError(address)
    return found[1], int(found[2])


def _dropped(pid: int, address: str) -> int:
    """Return how many datagrams the kernel dropped at the socket of *address*, in the network of *pid*."""
    _, port = _bound(address)
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                return int(fields[-1])
    return 0
