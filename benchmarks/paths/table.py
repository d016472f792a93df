"""The table: each pair over each path, up and down."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from peers import PeerFailure

from benchmarks.paths.programs import PAIRS, Pair
from benchmarks.paths.relay import WAYS
from benchmarks.paths.results import cell_name
from benchmarks.paths.transfer import transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.paths.path import Path
    from benchmarks.paths.results import Results

PART = "table"
# The others of the table say nothing of a path that is for ours and the reference.
_EXTRA_PAIRS = 3


def measure(results: Results, *, paths: Sequence[Path], pairs: Sequence[Pair], runs: int) -> list[str]:
    """Measure *runs* times all of it, and return what went wrong."""
    problems = []
    undone: dict[str, int] = {}
    for run in range(runs):
        for path, pair, way in _cells(paths, pairs, run):
            name = cell_name(path.name, pair.name, way)
            # The median is known then, and the run would wait for its limit.
            if undone.get(name, 0) > runs // 2:
                continue
            try:
                outcome = transfer(pair, path, way, seed=run + 1)
            except PeerFailure as failure:
                problems.append(f"{name}: {failure}")
                results.add(PART, name, {"problem": str(failure)})
                print(f"{name}: failed: {failure}", flush=True)
                continue
            undone[name] = undone.get(name, 0) + (not outcome.done)
            results.add(PART, name, {key: round(value, 4) for key, value in asdict(outcome).items()})
            late = f", {outcome.late:.0%} late" if outcome.late > 0.01 else ""
            print(
                f"{path.name:10}{pair.label:18}{way:5}{'' if outcome.done else '<'}{outcome.rate:.2f} MB/s,"
                f" {outcome.queue_dropped} of {outcome.packets} dropped by the queue{late}",
                flush=True,
            )
    return problems


def _cells(paths: Sequence[Path], pairs: Sequence[Pair], run: int) -> Iterator[tuple[Path, Pair, str]]:
    """Yield them in an order of its own for each run, so that no pair is measured first each time."""
    for path in paths:
        chosen = [pair for pair in pairs if not path.is_extra or pair in PAIRS[:_EXTRA_PAIRS]]
        for pair in chosen if run % 2 == 0 else chosen[::-1]:
            for way in WAYS:
                yield path, pair, way
