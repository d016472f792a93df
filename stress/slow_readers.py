"""Back-pressure: writers far faster than their readers, at length; and a stream that nobody reads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from stress.memory import Peak, resident
from stress.programs import PEERS, STRESS_PEER, listening, run
from stress.results import Part
from stress.work import MIB

if TYPE_CHECKING:
    from stress.programs import Ended
    from stress.work import Work

# unread_bytes, receive_window and unsent_bytes of Limits are 6 MiB of a connection together, of which
# SCTP holds some only while something is missing. The rest is what Python and the allocator make of
# them, and of 100 streams with their tasks.
MOST_GROWTH = 32 * MIB
# Limits.stall_timeout, and time to notice and to work off what is queued.
STALL_POLICY, STALL_SLACK = 10.0, 5.0
# What lies beside an unread stream when its connection stops is a matter of chance.
UNREAD_RUNS = 4
# go-libp2p's resource manager takes 64 streams of one protocol from one peer, and resets the others.
GO_STREAMS = 64

_TEXT = """\
*Slow readers.* The dialer writes to `/echo/1.0.0` as fast as it may, on one stream or on many; the reader
of ours takes {rate:g} MB/s of all streams together, which is a fraction of what the writer can do. Where
our listener is slow, it echoes slowly; where go listens, our dialer is slow to read the echo, so that go
stops reading and our own writer has to wait. Every byte is compared when it comes back. *Growth* is
counted from the moment before the streams are opened.

*A stream that nobody reads.* One stream is filled until the peer takes no more, beside it the same
connection pings and echoes. The policy: a stream that stops its connection for `Limits.stall_timeout` (10
s) is reset, and the rest goes on."""


def measure(work: Work) -> Part:
    """Run slow readers of each kind, and the unread stream."""
    part = Part(
        "slow",
        "Slow readers",
        _TEXT.format(rate=work.slow_rate / 1e6),
        (
            "pair",
            "streams",
            "MB each way",
            "outcome",
            "seconds",
            "growth of our dialer, MiB",
            "of our listener",
        ),
    )
    problems: list[str] = []
    growths: list[int] = []
    pairs = (("ours", "ours"), ("ours", "go"), ("go", "ours"))
    for (dialer, listener), most in itertools.product(pairs, (1, work.many_streams)):
        streams = min(most, GO_STREAMS) if listener == "go" else most
        ended, grown, errors = _slow(dialer, listener, streams, work)
        problems += [f"{dialer}→{listener}, {streams}: {each}" for each in (ended.problem, *errors) if each]
        growths += [each for each in grown if each is not None]
        shown = tuple("-" if each is None else f"{each / MIB:.1f}" for each in grown)
        total = work.slow_seconds * work.slow_rate
        outcome = "all right" if not ended.problem and not errors else ended.problem or errors[0]
        part.row(
            f"{dialer}→{listener}",
            str(streams),
            f"{total / 1e6:.0f}",
            outcome,
            f"{ended.seconds:.0f}",
            *shown,
            dialer=dialer,
            listener=listener,
            streams=streams,
            outcome=outcome,
            seconds=ended.seconds,
            growth=grown,
        )
    part.target("nothing is lost", f"{len(part.rows) - len(problems)} of {len(part.rows)}", met=not problems)
    largest = max(growths, default=0)
    part.target(
        f"no end of ours grows by more than {MOST_GROWTH / MIB:.0f} MiB", f"{largest / MIB:.1f} MiB",
        met=bool(growths) and largest <= MOST_GROWTH,
    )  # fmt: skip
    _unread(part)
    return part


def _slow(dialer: str, listener: str, streams: int, work: Work) -> tuple[Ended, list[int | None], list[str]]:
    """Return how the dialer ended, what our ends grew by, and what the listener complained of."""
    size = int(work.slow_seconds * work.slow_rate) // streams
    timeout = 4 * work.slow_seconds + 60
    ours = (*STRESS_PEER, "listen", f"--rate={work.slow_rate}")
    with listening(ours if listener == "ours" else (*PEERS["go"].command, "listen")) as (server, pid):
        warm = run((*STRESS_PEER, "slow", server.address, "--size=1000000"), timeout=60)
        if warm.problem:
            return warm, [None, None], []
        if dialer == "go":
            options = ("dial", server.address, f"--echo-size={size}", f"--echo-streams={streams}")
            command = (*PEERS["go"].command, *options, f"--timeout={timeout}")
        else:
            rate = () if listener == "ours" else (f"--rate={work.slow_rate}",)
            command = (*STRESS_PEER, "slow", server.address, f"--size={size}", f"--streams={streams}", *rate)
        before = resident(pid)
        with Peak(pid) as peak:
            ended = run(command, timeout=timeout + 20)
        errors = [str(event["error"]) for event in server.named("error")]
    of_dialer = ended.result["growth"] if dialer == "ours" and ended.result is not None else None
    return ended, [of_dialer, peak.bytes - before if listener == "ours" else None], errors


def _unread(part: Part) -> None:
    most = STALL_POLICY + STALL_SLACK
    results = []
    for _ in range(UNREAD_RUNS):
        with listening((*STRESS_PEER, "listen")) as (server, _):
            ended = run((*STRESS_PEER, "unread", server.address, "--seconds=20"), timeout=90)
        results.append({"problem": ended.problem, **(ended.result or {})})
    part.figures.append({"unread": results})
    text = f"an unread stream is reset within {most:.0f} s, and all else goes on"
    bad = [each["problem"] or "never reset" for each in results if each.get("reset_after") is None]
    if bad:
        part.target(text, f"{len(bad)} of {UNREAD_RUNS} runs not: {bad[0]}", met=False)
        return
    slowest = max(each["reset_after"] for each in results)
    part.target(text, f"{slowest:.1f} s at most, in {UNREAD_RUNS} runs", met=slowest <= most)
    for name in ("ping", "echo"):
        longest = max(each[f"longest_{name}"] for each in results)
        part.target(
            f"no {name} beside it takes longer than {most:.0f} s", f"{longest:.1f} s", met=longest <= most
        )
