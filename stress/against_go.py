"""Our dialer against go's listener while strangers flood that: whether it has the patience for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stress import beside
from stress.floods import Flood
from stress.honest import AGAIN, Dials
from stress.hostile import MANY, attack_command
from stress.places import LISTENER_CPU, WHERE, pinned
from stress.programs import GRACE_SECONDS, LOOPBACK, PEERS, last_event, listening, running
from stress.results import Part

if TYPE_CHECKING:
    from stress.work import Work

FLOODS = (
    *(Flood(kind=kind, networks=MANY, rate=20_000) for kind in ("mixed", "authentic")),
    *(Flood(kind=kind, networks=MANY) for kind in ("mixed", "authentic", "hello")),
)
# How go's listener does in a flood is not ours to say. Of a few dials one more may fail by chance.
MOST_BEHIND = 0.1

_TEXT = """\
The same floods against the listener of go-libp2p, from {networks} networks. {beside} {where} How many get in
is decided by that listener; ours has to get in as often as go's own client does."""


def measure(work: Work) -> Part:
    """Flood go's listener in each way."""
    text = _TEXT.format(networks=MANY, beside=beside.TEXT, where=WHERE)
    part = Part(
        "against-go",
        "Our dialer and go's listener in a flood",
        text,
        ("flood", "datagrams/s", *beside.COLUMNS),
    )
    seen = [_flood(part, flood, work) for flood in FLOODS]
    ours, theirs = (
        sum((each.dials[name] for each in seen for name in names), Dials())
        for names in ((AGAIN, "ours"), ("go",))
    )
    part.target(
        "our dials succeed as often as those of go's client",
        f"{ours.share:.1%} and {theirs.share:.1%}",
        met=ours.share >= theirs.share - MOST_BEHIND,
    )
    return part


def _flood(part: Part, flood: Flood, work: Work) -> beside.Seen:
    command = (*pinned(LISTENER_CPU), *PEERS["go"].command, "listen", "--ip", LOOPBACK)
    with listening(command) as (server, _):
        beside.warm(server.address, work.warm_seconds)
        seconds = work.flood_seconds + beside.AFTER_SECONDS
        clients = beside.Clients(server.address, work.flood_seconds)
        attack = (*attack_command(flood, server.address), "--seconds", f"{seconds}")
        with clients.connected() as again, running(attack) as flooder:
            seen = clients.see(again)
            sent, _ = flooder.communicate(timeout=seconds + GRACE_SECONDS)
    counts = last_event(sent)
    rate = counts["datagrams_sent"] / counts["seconds"]
    part.row(str(flood), f"{rate:.0f}", *seen.cells, flood=str(flood), rate=rate, **seen.figures)
    seen.note_problems(part, str(flood))
    return seen
