"""Transfers through a relay that treats datagrams badly, every byte compared."""

from __future__ import annotations

import itertools
import math
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from stress.faults import Faults, Incident
from stress.memory import Peak
from stress.programs import GRACE_SECONDS, LOOPBACK, PEERS, Ended, at_port, listening, port_of, run
from stress.relay import Relay
from stress.results import Part
from stress.work import MIB, Work

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_FAULTS = Faults()
WAYS = ("up", "down")
PAIRS = (("ours", "ours"), ("ours", "go"), ("go", "ours"))
# go's dialer gives up after some 5 s, and waits a second or more for each loss, with go as with us.
GO_DIALS = 6
# Transfers that mostly wait go on side by side.
MOST_AT_ONCE = 6
# What part of the bytes go sends where it is slowest.
PART_OF_GO = 16
# The bound on how long a dead connection may go unnoticed.
NOTICED = 30.0
# What our ends may hold at their largest, with the interpreter and the content that is compared.
MOST_RSS = 128 * MIB

_TEXT = """\
A relay stands between dialer and listener and drops, delays, reorders, repeats and changes datagrams in
both directions; in the middle of a transfer it lets nothing pass for a while, or goes on from another
source port, as a NAT does that forgot the connection. Each row is a connection of its own:
`/interop/checked/1.0.0`, one stream, every byte compared by its receiver. The connection's handshake goes
through the same relay. *intact* means that every byte arrived and was acknowledged. With loss, throughput
is that of the sender's SCTP. Ours steers by what arrives and not by losses. go's reduces its window at
each loss as TCP Reno does, and waits a second or more where nothing else tells it of a loss: at 20 % loss
it needs minutes for each MiB, to go as to ours, and is given a {part}th of the bytes. Transfers that
mostly wait ran {at_once} at a time."""


@dataclass(frozen=True)
class Scenario:
    """What the relay does in a transfer of *size* bytes."""

    name: str
    size: int
    faults: Faults = NO_FAULTS
    incidents: tuple[Incident, ...] = ()

    @property
    def dark(self) -> float:
        """For how many seconds nothing passes."""
        return sum(incident.blackout for incident in self.incidents)

    @property
    def waits(self) -> bool:
        """Whether it takes time more than it takes a processor."""
        return bool(self.incidents) or self.faults.loss >= 0.05 or self.faults.delay > 0


def scenarios(work: Work) -> Iterator[Scenario]:
    """Return all of them."""
    size = work.transfer
    yield Scenario("nothing", size)
    yield Scenario("1 % loss", size, Faults(loss=0.01))
    yield Scenario("5 % loss", size, Faults(loss=0.05))
    yield Scenario("20 % loss", size, Faults(loss=0.20))
    yield Scenario("50 ms delay each way", size, Faults(delay=0.05))
    yield Scenario("10 % held back 5 ms", size, Faults(reorder=0.1))
    yield Scenario("0-2 ms jitter", size, Faults(jitter=0.002))
    yield Scenario("10 % twice", size, Faults(duplicate=0.1))
    yield Scenario("1 % changed", size, Faults(corrupt=0.01))
    short, long = (
        Incident(after_bytes=size // 4, blackout=s) for s in (work.short_blackout, work.long_blackout)
    )
    yield Scenario(f"{work.short_blackout:.0f} s blackout", size, NO_FAULTS, (short,))
    yield Scenario(f"{work.long_blackout:.0f} s blackout", size, NO_FAULTS, (long,))
    yield Scenario("another source port", size, NO_FAULTS, (Incident(after_bytes=size // 4, rebind=True),))


class Job(NamedTuple):
    """One transfer: who dials, who listens, over which network, and which way the bytes go."""

    dialer: str
    listener: str
    scenario: Scenario
    way: str

    @property
    def sender(self) -> str:
        """Whose SCTP decides how fast it is."""
        return self.dialer if self.way == "up" else self.listener

    def in_good_time(self) -> Job:
        """Return it with as many bytes as do not take its sender hours."""
        if self.sender != "go" or self.scenario.faults.loss < 0.2:
            return self
        return self._replace(scenario=replace(self.scenario, size=self.scenario.size // PART_OF_GO))

    def __str__(self) -> str:
        return f"{self.dialer}→{self.listener}, {self.scenario.name}, {self.way}"


class WrongBytes(Exception):
    """A stream delivered something else than what was written to it."""


# How the dialer ended, the peaks of our ends, and when each end noticed a long blackout.
Outcome = tuple[Ended, list[int], list[float]]


def measure(work: Work) -> Part:
    """Run all pairs, scenarios and directions."""
    part = Part(
        "transfers",
        "Transfers over bad networks",
        _TEXT.format(at_once=MOST_AT_ONCE, part=PART_OF_GO),
        ("pair", "network", "way", "MiB", "outcome", "seconds", "MB/s", "peak RSS of ours, MB"),
    )
    liveness = 20.0
    broken: list[str] = []
    slow: list[float] = []
    largest = 0
    jobs = [
        Job(*pair, scenario, way).in_good_time()
        for pair, scenario, way in itertools.product(PAIRS, scenarios(work), WAYS)
    ]
    waiting = [job for job in jobs if job.scenario.waits]
    # The longest begin first.
    done = _side_by_side(sorted(waiting, key=lambda job: -job.scenario.faults.loss), part, work)
    for job in jobs:
        dialer, listener, scenario, _ = job
        ended, peaks, noticed = done.get(job) or _transferred(job, part, work.transfer_seconds)
        largest = max(largest, *peaks)
        must_break = scenario.dark > liveness
        if must_break:
            slow += [at for name, at in zip((dialer, listener), noticed, strict=False) if name == "ours"]
        if bool(ended.problem) != must_break or ended.seconds >= work.transfer_seconds:
            broken.append(f"{job}: {ended.problem or 'survived'}")
        _add(part, job, ended, peaks, noticed)
    count = len(part.rows)
    part.target(
        f"every transfer arrives intact; one whose blackout is longer than {liveness:.0f} s ends with a clear"
        " error",
        f"{count - len(broken)} of {count}",
        met=not broken,
    )
    part.target(
        f"our ends notice the long blackout within {NOTICED:.0f} s of its start",
        f"at most {max(slow):.1f} s" if slow else "one never did",
        met=bool(slow) and max(slow) <= NOTICED,
    )
    part.target(
        f"our ends never hold more than {MOST_RSS / MIB:.0f} MiB",
        f"{largest / MIB:.0f} MiB",
        met=largest <= MOST_RSS,
    )
    part.notes += [f"Not as it should be: {text}" for text in broken]
    return part


def _side_by_side(jobs: list[Job], part: Part, work: Work) -> dict[Job, Outcome]:
    """Run *jobs*, some at a time, and tell of each that ends."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        running = {pool.submit(_transferred, job, part, work.transfer_seconds): job for job in jobs}
        for count, each in enumerate(as_completed(running), 1):
            print(f"transfers: {count} of {len(jobs)} that mostly wait: {running[each]}", flush=True)
    return {job: each.result() for each, job in running.items()}


def _transferred(job: Job, part: Part, seconds: float) -> Outcome:
    """Run *job*; go's dialer may try again, for it gives up the handshake after a few losses."""
    for number in range(1, GO_DIALS + 1):
        outcome = _transfer(job, seconds)
        problem = outcome[0].problem
        if job.dialer != "go" or job.scenario.faults.loss < 0.05 or not problem.startswith("connect: "):
            break
        part.notes.append(f"{job}: go's dial number {number} failed: {problem}")
    return outcome


def _transfer(job: Job, seconds: float) -> Outcome:
    dialer, listener, scenario, way = job
    option = f"--{way}load={job.scenario.size}"
    with listening((*PEERS[listener].command, "listen")) as (server, pid), Peak(pid) as peak:
        target = (LOOPBACK, port_of(server.address))
        with Relay(target, scenario.faults, incidents=scenario.incidents) as relay:
            address = at_port(server.address, relay.address[1])
            command = [*PEERS[dialer].command, "dial", address, option, f"--timeout={seconds}"]
            started = time.monotonic()
            ended = run(command, timeout=seconds + GRACE_SECONDS)
            dark_since = relay.dark_since
            noticed: list[float] = []
            if ended.problem and dark_since is not None:
                while not server.named("disconnected") and time.monotonic() < dark_since + 3 * NOTICED:
                    time.sleep(0.1)
                ends = [event["at"] for event in server.named("disconnected")] or [math.inf]
                noticed = [started + ended.seconds - dark_since, ends[0] - dark_since]
    ours = [ended.peak] if dialer == "ours" else []
    ours += [peak.bytes] if listener == "ours" else []
    errors = server.named("error")
    if wrong := [
        said for said in (ended.problem, *(str(each["error"]) for each in errors)) if _is_wrong(said)
    ]:
        raise WrongBytes(f"{job}: {wrong[0]}")
    if errors:
        ended = ended if ended.problem else replace(ended, result=None, problem=str(errors[0]["error"]))
    return ended, ours, noticed


def _is_wrong(said: str) -> bool:
    """Whether an end says that other bytes came than were sent: no network excuses that."""
    return any(words in said for words in ("wrong bytes", "FIN after", "bytes arrived", "WrongContent"))


def _add(part: Part, job: Job, ended: Ended, peaks: list[int], noticed: list[float]) -> None:
    pair, network, way = f"{job.dialer}→{job.listener}", job.scenario.name, job.way
    result = ended.result[f"{way}load"] if ended.result is not None else None
    outcome = "intact" if result is not None else ended.problem
    if noticed:
        outcome += f" (dialer after {noticed[0]:.0f} s, listener after {noticed[1]:.0f} s)"
    seconds = result["seconds"] if result is not None else ended.seconds
    part.row(
        pair,
        network,
        way,
        f"{job.scenario.size / MIB:g}",
        outcome,
        f"{seconds:.1f}",
        f"{result['mb_per_s']:.1f}" if result is not None else "-",
        ", ".join(f"{peak / 1e6:.0f}" for peak in peaks),
        pair=pair,
        network=network,
        way=way,
        bytes=job.scenario.size,
        outcome=outcome,
        seconds=seconds,
        peaks=peaks,
        noticed=noticed,
    )
