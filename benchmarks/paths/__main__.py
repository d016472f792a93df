"""Measure what the command line asks for."""

from __future__ import annotations

import argparse
import sys

from peers import PeerFailure

from benchmarks.paths import programs
from benchmarks.paths.path import PATHS
from benchmarks.paths.programs import PAIRS, Pair
from benchmarks.paths.relay import WAYS
from benchmarks.paths.transfer import transfer


def main() -> int:
    options = _parse()
    pairs = [Pair.named(text) for text in options.pairs]
    programs.build(pairs)
    for name in options.paths:
        for pair in pairs:
            for way in options.ways:
                for run in range(options.runs):
                    try:
                        out = transfer(
                            pair, PATHS[name], way, size=options.size, limit=options.limit, seed=run + 1
                        )
                    except PeerFailure as problem:
                        print(f"{name} {pair.label} {way}: failed: {problem}", flush=True)
                        continue
                    print(
                        f"{name:10} {pair.label:18} {way:4} {'' if out.done else '<'}{out.rate:.2f} MB/s, {out}",
                        flush=True,
                    )
    return 0


def _parse():
    parser = argparse.ArgumentParser(prog="benchmarks.paths")
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument("--pairs", nargs="+", default=[pair.name for pair in PAIRS])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=10_000_000)
    parser.add_argument("--limit", type=float, default=30.0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
