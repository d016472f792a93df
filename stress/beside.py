"""What honest clients of a listener see while somebody attacks it, and what is asked of that."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stress.honest import AGAIN, Dials, Newcomers, programs, within
from stress.programs import GRACE_SECONDS, STRESS_PEER, last_event, run, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stress.results import Part

LEAST_DIALED = 0.99
MOST_P95 = 0.25
MOST_SECONDS = 3.0
MOST_PING_P95 = 0.02
# An attack goes on for so long after the last dial has begun: that is more than a dial may take.
AFTER_SECONDS = MOST_SECONDS + 1

TEXT = """\
Meanwhile one process keeps a connection to the listener and pings every 0.2 s, and dials it again and
again, two at a time: connect, ping, close. Other processes dial once each, one after the other: ours and
go's client in turn. All dial in versions 1 and 2 in turn. A dial takes from the call to the connection;
*p95* is what 95 % of them take at most."""

COLUMNS = (
    "dials of one process",
    "of new ones",
    "of go's",
    "median ms",
    "p95 ms",
    "slowest s",
    "pings",
    "ping p95 ms",
    "slowest ping ms",
)


@dataclass
class Seen:
    """What the honest clients saw."""

    dials: dict[str, Dials]
    """Of each sort of client."""
    pings: list[float]
    longest_ping: float
    lost: str
    """What ended the kept connection."""

    @property
    def all(self) -> Dials:
        """The dials of all clients."""
        return sum(self.dials.values(), Dials())

    @property
    def cells(self) -> tuple[str, ...]:
        """What belongs into ``COLUMNS``."""
        dials = self.all
        return (
            *(str(self.dials.get(name, "-")) for name in (AGAIN, "ours", "go")),
            f"{1000 * dials.within(0.5):.0f}",
            f"{1000 * dials.within(0.95):.0f}",
            f"{dials.within(1):.2f}",
            f"{len(self.pings)}{', then ' + self.lost if self.lost else ''}",
            f"{1000 * within(self.pings, 0.95):.1f}",
            f"{1000 * self.longest_ping:.0f}",
        )

    @property
    def figures(self) -> dict[str, object]:
        """The same as numbers."""
        dials = self.all
        return {
            "dials": {
                name: {"dialed": len(each.times), "count": each.count} for name, each in self.dials.items()
            },
            "median": dials.within(0.5),
            "p95": dials.within(0.95),
            "slowest": dials.within(1),
            "pings": len(self.pings),
            "ping_p95": within(self.pings, 0.95),
            "slowest_ping": self.longest_ping,
            "lost": self.lost,
        }

    def note_problems(self, part: Part, attack: str) -> None:
        """Write down what dials failed with."""
        for name, each in self.dials.items():
            for problem in sorted(set(each.problems))[:5]:
                part.notes.append(f"Honest dials ({name}) under *{attack}* failed with: {problem}")


def warm(address: str, seconds: float, prefix: Sequence[str] = ()) -> None:
    """Have the listener load and keep what any use of it makes it load and keep."""
    run((*prefix, *STRESS_PEER, "honest", address, f"--seconds={seconds}"), timeout=60)


class Clients:
    """The honest clients of the listener at *address*, for *seconds*. All of them run behind *prefix*."""

    def __init__(self, address: str, seconds: float, prefix: Sequence[str] = ()) -> None:
        self._address = address
        self._prefix = prefix
        self._command = (*prefix, *STRESS_PEER, "honest", address, f"--seconds={seconds}")
        self._timeout = seconds + GRACE_SECONDS

    @contextmanager
    def connected(self) -> Iterator[subprocess.Popen[str]]:
        """The process that keeps a connection and dials again and again, once it is connected."""
        with running(self._command) as process:
            assert process.stdout is not None
            process.stdout.readline()
            yield process

    def see(self, again: subprocess.Popen[str]) -> Seen:
        """Have the others dial beside it until it is done; return what all of them saw."""
        words = ""
        with (
            Newcomers(self._address, programs(self._prefix)) as newcomers,
            suppress(subprocess.TimeoutExpired),
        ):
            words, _ = again.communicate(timeout=self._timeout)
        hung: dict[str, Any] = {"times": [], "problems": ["it ended or hung"], "pings": [], "lost": "hung"}
        result = last_event(words) if words.strip() else hung
        return Seen(
            dials={AGAIN: Dials(result["times"], result["problems"]), **newcomers.dials},
            pings=result["pings"],
            longest_ping=result.get("longest_ping", self._timeout),
            lost=result["lost"],
        )


def judge(part: Part, found: Sequence[tuple[str, Seen]]) -> None:
    """Say what each attack has to leave to honest clients, and whether it did."""
    lost = [name for name, seen in found if seen.lost or not seen.pings]
    part.target(
        "the kept connection goes on pinging", "lost: " + ", ".join(lost) if lost else "in all", met=not lost
    )
    ping, attack = max((within(seen.pings, 0.95), name) for name, seen in found)
    part.target(
        "95 % of its pings take less than 20 ms", f"{1000 * ping:.1f} ms ({attack})", met=ping < MOST_PING_P95
    )
    dials = [(seen.all, name) for name, seen in found]
    _judge_dials(part, "in each attack", dials)
    slowest, attack = max((each.within(1), name) for each, name in dials)
    part.target("no honest dial takes over 3 s", f"{slowest:.2f} s ({attack})", met=slowest <= MOST_SECONDS)
    sorts = found[0][1].dials
    _judge_dials(
        part,
        "of each sort of client",
        [(sum((seen.dials[name] for _, seen in found), Dials()), name) for name in sorts],
    )
    if len(programs()) == 1:
        part.notes.append("go's client was left out: it has not been built.")


def _judge_dials(part: Part, where: str, dials: list[tuple[Dials, str]]) -> None:
    share, whose = min((each.share, whose) for each, whose in dials)
    part.target(
        f"at least 99 % of honest dials succeed, {where}", f"{share:.1%} ({whose})", met=share >= LEAST_DIALED
    )
    p95, whose = max((each.within(0.95), whose) for each, whose in dials)
    part.target(
        f"95 % of them take less than 250 ms, {where}", f"{1000 * p95:.0f} ms ({whose})", met=p95 < MOST_P95
    )
