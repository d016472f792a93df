"""The part for the continuous check: few transfers, and the least that each has to reach.

The bounds are parts of the path's own rate, and far below what is reached on a quiet machine: they are to
show a regression of kind, not of degree.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from peers import PeerFailure
from registry import CHROMIUM

from benchmarks.paths.path import PATHS
from benchmarks.paths.programs import Pair, build
from benchmarks.paths.transfer import transfer

# One that misses its bound on a machine that is busy for a while has another try.
_TRIES = 2
_OURS, _CHROMIUM = Pair("python", "python"), Pair("js-chromium", "python")


class _Bound(NamedTuple):
    pair: Pair
    path: str
    way: str
    least: float
    """Of the path's rate."""


_BOUNDS = (
    _Bound(_OURS, "home", "up", 0.5),
    _Bound(_OURS, "home", "down", 0.5),
    _Bound(_OURS, "lossy", "up", 0.4),
    _Bound(_OURS, "lossy", "down", 0.4),
    _Bound(_CHROMIUM, "home", "up", 0.25),
    _Bound(_CHROMIUM, "home", "down", 0.25),
)


def check() -> list[str]:
    """Make the transfers, and return what is too slow or went wrong."""
    bounds = [bound for bound in _BOUNDS if bound.pair != _CHROMIUM or Path(CHROMIUM).exists()]
    if len(bounds) < len(_BOUNDS):
        print("there is no Chromium: its transfers are left out")
    build({bound.pair: None for bound in bounds})
    return [problem for bound in bounds if (problem := _problem(bound))]


def _problem(bound: _Bound) -> str:
    path = PATHS[bound.path]
    assert path.capacity is not None
    least = bound.least * path.capacity
    problem = ""
    for seed in range(1, _TRIES + 1):
        what = f"{bound.pair.label} {bound.way} over {path.name} ({path.words()})"
        try:
            outcome = transfer(bound.pair, path, bound.way, seed=seed)
        except PeerFailure as failure:
            problem = f"{what}: {failure}"
            continue
        reached = f"{'' if outcome.done else '<'}{outcome.rate:.2f} MB/s, at least {least:.2f}"
        print(f"{what}: {reached}", flush=True)
        if outcome.done and outcome.rate >= least:
            return ""
        problem = f"{what}: {reached}"
    return problem
