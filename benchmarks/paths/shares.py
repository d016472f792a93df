"""Two transfers through one bottleneck: what each gets of it."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peers import PeerFailure

from benchmarks.paths.path import Path as NetworkPath
from benchmarks.paths.programs import LABELS, peer
from benchmarks.paths.relay import read_trace, relayed
from benchmarks.paths.transfer import LOOPBACK, start_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.paths.results import Results

PART = "shares"
RIVALS = ("python", "quinn-cubic", "quinn-bbr")
# Of the bandwidth-delay product.
QUEUES = (1.0, 4.0, 0.25)
SECONDS = 30.0
_PATH = NetworkPath(name="shared", delay_ms=20, rate_mbit=50)
# More than either can move in that time.
_SIZE = 1_000_000_000
# Who has moved so much has started.
_STARTED = 100_000


def name(rival: str, queue: float) -> str:
    """Return the name of a row."""
    return f"ours beside {LABELS[rival]}, queue of {queue:g} x BDP"


def path(queue: float) -> NetworkPath:
    """Return the path whose queue is *queue* times its bandwidth-delay product."""
    return NetworkPath(
        name=_PATH.name,
        delay_ms=_PATH.delay_ms,
        rate_mbit=_PATH.rate_mbit,
        queue_ms=2 * _PATH.delay_ms * queue,
    )


def measure(results: Results, *, runs: int, rivals: Sequence[str] = RIVALS) -> list[str]:
    """Measure *runs* times, and return what went wrong."""
    problems = []
    for run in range(runs):
        for rival in rivals:
            for queue in QUEUES:
                try:
                    sample = _share(rival, path(queue), run + 1)
                except PeerFailure as failure:
                    problems.append(f"{name(rival, queue)}: {failure}")
                    continue
                results.add(PART, name(rival, queue), sample)
                print(f"{name(rival, queue)}: {sample}", flush=True)
    return problems


def _share(rival: str, shared: NetworkPath, seed: int) -> dict[str, Any]:
    timeout = SECONDS + start_seconds(shared)
    names = ("python", rival)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        trace = Path(folder) / "trace.jsonl"
        listeners = [stack.enter_context(peer(each).listen(LOOPBACK)) for each in names]
        with relayed([each.address for each in listeners], shared, seed=seed, trace=trace) as relay:
            with ThreadPoolExecutor() as pool:
                dials = [
                    pool.submit(peer(each).dial, address, [f"--perf-upload={_SIZE}"], timeout=timeout)
                    for each, address in zip(names, relay.addresses, strict=True)
                ]
            # They are not done: the time they have is over.
            said = [str(dial.exception()) for dial in dials]
        moved = _moved(read_trace(trace))
    if moved is None:
        raise PeerFailure("; ".join(said))
    ours, theirs, seconds = moved
    return {
        "share": round(ours / (ours + theirs), 3),
        "rate": round((ours + theirs) / 1e6 / seconds, 2),
        "seconds": round(seconds, 1),
    }


def _moved(trace: list[dict[str, Any]]) -> tuple[int, int, float] | None:
    """Return what each moved in the time after both had started, and how long that was."""
    totals, began = [0, 0], None
    for sample in trace:
        seconds = sample["ms"] / 1000
        if began is not None and seconds - began > SECONDS:
            break
        totals = [total + more for total, more in zip(totals, sample["up"]["bytes"], strict=True)]
        if began is None and min(totals) > _STARTED:
            began, totals = seconds, [0, 0]
    else:
        return None
    return totals[0], totals[1], SECONDS
