"""A picture for each path: throughput, queue and congestion window over the time of one upload."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peers import PeerFailure

from benchmarks.paths.pings import CLIENT
from benchmarks.paths.programs import LABELS, REFERENCE, Pair, peer
from benchmarks.paths.relay import read_trace, relayed
from benchmarks.paths.svg import Panel, Point, chart
from benchmarks.paths.transfer import LOOPBACK, start_seconds, transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.paths.path import Path as NetworkPath

# What throughput is averaged over: a tenth of a second.
_SAMPLES = 5
# Before that, a connection is made.
_STARTED = 20_000


def file_name(path: str) -> str:
    """Return the name of the picture of *path*."""
    return f"paths-{path}.svg"


def draw(folder: Path, paths: Sequence[NetworkPath]) -> list[str]:
    """Make one upload over each of the *paths* that has a rate, and write its picture."""
    problems = []
    for path in paths:
        if path.rate_mbit is None:
            continue
        try:
            picture = _picture(path)
        except PeerFailure as failure:
            problems.append(f"the picture of {path.name}: {failure}")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file_name(path.name)).write_text(picture, encoding="utf-8")
        print(f"drew {file_name(path.name)}", flush=True)
    return problems


def _picture(path: NetworkPath) -> str:
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.jsonl"
        windows = _upload(path, trace)
        traces = {LABELS["python"]: read_trace(trace)}
        transfer(Pair(REFERENCE, REFERENCE), path, "up", seed=1, trace=trace)
        traces[LABELS[REFERENCE]] = read_trace(trace)
    throughput = {label: _throughput(samples) for label, samples in traces.items()}
    queues = {label: _queue(samples, path) for label, samples in traces.items()}
    panels = [Panel("passed the bottleneck, MB/s", throughput), Panel("its queue, ms", queues)]
    if windows:
        panels.append(Panel("congestion window, kB", {LABELS["python"]: windows}))
    return chart(f"{path.name}: {path.words()}", panels)


def _upload(path: NetworkPath, trace: Path) -> list[Point]:
    """Upload over *path* and return the congestion window over time, as the relay's trace has it."""
    options = [f"--perf-upload={path.size}"]
    with peer("python").listen(LOOPBACK) as listener:
        with relayed([listener.address], path, trace=trace) as relay:
            result = CLIENT.dial(relay.addresses[0], options, timeout=path.limit * 2 + start_seconds(path))
    begin = _begin(read_trace(trace)) + relay.started
    return [(at - begin, window / 1000) for at, window in result["windows"] if at >= begin]


def _begin(trace: list[dict[str, Any]]) -> float:
    """Return the seconds after which the transfer is under way."""
    return next((sample["ms"] / 1000 for sample in trace if sum(sample["up"]["bytes"]) > _STARTED), 0.0)


def _during(trace: list[dict[str, Any]]) -> list[tuple[float, int, int]]:
    """Return the time, bytes and queue of the samples from the first to the last data."""
    begin = _begin(trace)
    samples = [
        (sample["ms"] / 1000 - begin, sum(sample["up"]["bytes"]), sample["up"]["queue"])
        for sample in trace
        if sample["ms"] / 1000 >= begin
    ]
    while samples and samples[-1][1] < 1200:
        samples.pop()
    return samples


def _throughput(trace: list[dict[str, Any]]) -> list[Point]:
    samples = _during(trace)
    # A sample is of the time since the one before it.
    ends = samples[::_SAMPLES]
    points = []
    for index, (first, last) in enumerate(pairwise(ends)):
        passed = sum(passed for _, passed, _ in samples[index * _SAMPLES + 1 : (index + 1) * _SAMPLES + 1])
        seconds = last[0] - first[0]
        points.append((first[0] + seconds / 2, passed / 1e6 / seconds))
    return points


def _queue(trace: list[dict[str, Any]], path: NetworkPath) -> list[Point]:
    assert path.rate_mbit is not None
    bytes_per_ms = path.rate_mbit * 125
    return [(seconds, queue / bytes_per_ms) for seconds, _, queue in _during(trace)]
