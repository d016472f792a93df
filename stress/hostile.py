"""Floods against a listener that has honest clients at the same time, and what strangers are sent."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stress.memory import Peak, resident
from stress.programs import (
    GRACE_SECONDS,
    LOOPBACK,
    PEERS,
    STRESS_PEER,
    last_event,
    listening,
    port_of,
    run,
    running,
)
from stress.results import Part
from stress.work import MIB

if TYPE_CHECKING:
    from stress.work import Work

RUST = Path(__file__).resolve().parent.parent / "rust"
FLOOD = RUST / "target" / "release" / "webrtc-direct-flood"
# A dial gives up after 10 s, so the last ones may take that much longer.
DIAL_SECONDS = 10.0
COUNTED_RATE = 20_000
MOST_GROWTH = 4 * MIB
MOST_RATIO = 3.0
LEAST_DIALED = 0.99

_TEXT = """\
A program in Rust (`rust/flood`) sends as fast as one core can, from {sources} source addresses (4096 of
127.0.0.0/8, 8 ports each), to our listener. Meanwhile another process keeps one connection to it and
pings every 0.2 s, and dials it again and again, two at a time: connect, ping, close. *Joined* floods hand
the kernel 32 datagrams of one source at once, which gives the highest rate, most of which the kernel
drops at the listener's full socket; *single* ones hand over each datagram (or each request with its
ClientHello) by itself. *forged*: Binding requests with a wrong MESSAGE-INTEGRITY. *authentic*: requests
of as many clients, of either version. *hello*: DTLS ClientHellos out of nowhere. *half-open*: an
authentic request and a ClientHello from an address that answers nothing. *proved*: the same from
addresses that answer the listener's checks, that is, from an attacker who owns them, and who then falls
silent.

*Bytes back* are counted by the flooder per source address, at {rate} datagrams a
second, where nothing is lost on either side, and for {linger:.0f} s after its last datagram, so that
retransmissions count."""


@dataclass(frozen=True)
class Flood:
    """A kind of flood, and how many datagrams leave at once."""

    kind: str
    batch: int
    rate: int | None = None

    def __str__(self) -> str:
        if self.rate is not None:
            return f"{self.kind}, {self.rate}/s"
        return f"{self.kind}, {'joined' if self.batch > 2 else 'single'}"

    def command(self, port: int, *more: str) -> tuple[str, ...]:
        """Return how it is started."""
        rate = () if self.rate is None else ("--rate", str(self.rate))
        return (str(FLOOD), f"{LOOPBACK}:{port}", self.kind, "--batch", str(self.batch), *rate, *more)


FLOODS = (
    *(Flood(kind, 32) for kind in ("garbage", "forged", "authentic-v1", "authentic-v2", "hello")),
    *(Flood(kind, 1) for kind in ("garbage", "forged", "authentic-v1", "authentic-v2", "hello", "half-open")),
)
# An attacker who owns his addresses. 256 handshakes of 10 s each are what a listener keeps by default:
# beyond some 25 a second they have to give way to each other.
PROVED = (Flood("half-open-proved", 1, 20), Flood("half-open-proved", 1, 2000))
UNPROVED = ("garbage", "forged", "authentic-v1", "authentic-v2", "hello", "half-open")


def build() -> None:
    """Build the flooder, unless it is there and newer than its sources.

    Raises:
        SystemExit: it does not build.
    """
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "webrtc-direct-flood"]
    command += ["--manifest-path", str(RUST / "Cargo.toml"), "--target-dir", str(FLOOD.parent.parent)]
    if subprocess.run(command, check=False).returncode != 0:
        raise SystemExit("error: rust/flood does not build")


def measure(work: Work) -> Part:
    """Flood a listener in each way."""
    part = Part(
        "hostile",
        "A hostile network",
        _TEXT.format(sources=32768, rate=COUNTED_RATE, linger=work.linger_seconds),
        (
            "flood",
            "datagrams/s",
            "growth, MiB",
            "honest dials",
            "median ms",
            "slowest s",
            "pings",
            "slowest ping s",
        ),
    )
    found = [(flood, _flood(part, flood, work)) for flood in FLOODS]
    growth = max(each["growth"] for _, each in found)
    part.target("memory grows by less than 4 MiB", f"{growth / MIB:.2f} MiB", met=growth < MOST_GROWTH)
    lost = [str(flood) for flood, each in found if each["lost"] or not each["pings"]]
    part.target(
        "the kept connection goes on pinging", "lost: " + ", ".join(lost) if lost else "in all", met=not lost
    )
    worst_share, worst = min((each["share"], str(flood)) for flood, each in found)
    part.target(
        "at least 99 % of honest dials succeed",
        f"{worst_share:.1%} ({worst})",
        met=worst_share >= LEAST_DIALED,
    )
    for flood in PROVED:
        _flood(part, flood, work)
    ratio, kind = max((_ratio(part, kind, work), kind) for kind in UNPROVED)
    part.target(
        "no address that proved nothing gets more than 3 times what it sent",
        f"{ratio:.2f} times ({kind})",
        met=ratio <= MOST_RATIO,
    )
    return part


def _flood(part: Part, flood: Flood, work: Work) -> dict[str, Any]:
    """Flood a fresh listener, beside honest clients, and return what came of it."""
    with listening((*PEERS["ours"].command, "listen")) as (server, pid):
        quiet = run((*STRESS_PEER, "honest", server.address, f"--seconds={work.warm_seconds}"), timeout=60)
        before = resident(pid)
        command = (*STRESS_PEER, "honest", server.address, f"--seconds={work.flood_seconds}")
        with running(command) as honest, Peak(pid) as peak:
            assert honest.stdout is not None
            honest.stdout.readline()
            timed = ("--seconds", f"{work.flood_seconds + DIAL_SECONDS}")
            with running(flood.command(port_of(server.address), *timed)) as flooder:
                try:
                    words, _ = honest.communicate(timeout=work.flood_seconds + DIAL_SECONDS + GRACE_SECONDS)
                except subprocess.TimeoutExpired:
                    words = ""
                sent, _ = flooder.communicate(timeout=work.flood_seconds + DIAL_SECONDS + GRACE_SECONDS)
    hung: dict[str, Any] = {"dialed": 0, "failed": 1, "pings": 0, "lost": "hung", "problems": []}
    result = last_event(words) if words else hung
    counts = last_event(sent)
    count = result["dialed"] + result["failed"]
    result |= {
        "flood": str(flood),
        "rate": counts["datagrams_sent"] / counts["seconds"],
        "growth": max(0, peak.bytes - before),
        "share": result["dialed"] / count if count else 0.0,
        "quiet": quiet.result,
    }
    median, longest = result.get("median"), result.get("longest")
    part.row(
        str(flood),
        f"{result['rate']:.0f}",
        f"{result['growth'] / MIB:.2f}",
        f"{result['dialed']} of {count}",
        "-" if median is None else f"{1000 * median:.0f}",
        "-" if longest is None else f"{longest:.1f}",
        f"{result['pings']}{', then ' + result['lost'] if result['lost'] else ''}",
        f"{result.get('longest_ping', 0):.1f}",
        **result,
    )
    for problem in result["problems"]:
        part.notes.append(f"Honest dials under *{flood}* failed with: {problem}")
    return result


def _ratio(part: Part, kind: str, work: Work) -> float:
    """Return how many times what it sent an address got at most, at a rate at which nothing is lost."""
    with listening((*PEERS["ours"].command, "listen")) as (server, _):
        flood = Flood(kind, 1, COUNTED_RATE)
        times = ("--seconds", str(work.counted_flood_seconds), "--linger", str(work.linger_seconds))
        ended = run(flood.command(port_of(server.address), *times), timeout=120)
        dropped = _dropped(port_of(server.address))
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


def _dropped(port: int) -> int:
    """Return how many datagrams the kernel dropped at the socket bound to *port*."""
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port:
            return int(fields[-1])
    return 0
