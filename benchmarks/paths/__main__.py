"""Measure the parts that the command line asks for, and write them to docs/paths.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from builds import ROOT, build_go

from benchmarks import machine
from benchmarks.paths import page, pings, plots, programs, quick, shares, table
from benchmarks.paths.path import PATHS
from benchmarks.paths.programs import PAIRS, Pair
from benchmarks.paths.results import Results
from webrtc_direct._native import BUILD_PROFILE  # noqa: TID251 - asks how the engine was built, no more

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = ROOT / "docs" / "paths.md"
PICTURES = ROOT / "docs" / "images"
TRIAL_PICTURES = ROOT / "build" / "paths"
PARTS = ("table", "pings", "shares", "plots")


def main() -> int:
    """Measure and return the exit code."""
    options = _parse()
    if BUILD_PROFILE != "release":
        print(f"error: the engine is a {BUILD_PROFILE} build; 'make build' makes a release", file=sys.stderr)
        return 1
    problems = quick.check() if options.quick else _measure(options)
    for problem in problems:
        print("error:", problem, file=sys.stderr)
    return 1 if problems else 0


def _measure(options: argparse.Namespace) -> list[str]:
    pairs = [Pair.named(name) for name in options.pairs]
    build_go()
    programs.build([*pairs, *(PAIRS[:3] if options.parts != ["table"] else ())])
    paths = [PATHS[name] for name in options.paths]
    changes = {
        name: getattr(options, name) for name in ("size", "limit") if getattr(options, name) is not None
    }
    paths = [replace(path, **changes) for path in paths]
    results = Results.read(RESULTS) if options.write else Results(options.json)
    results.facts |= machine.facts() | programs.releases(pairs)
    work: dict[str, Callable[[], list[str]]] = {
        "table": partial(table.measure, results, paths=paths, pairs=pairs, runs=options.runs),
        "pings": partial(pings.measure, results, runs=options.runs),
        "shares": partial(shares.measure, results, runs=options.runs),
        "plots": partial(plots.draw, PICTURES if options.write else TRIAL_PICTURES, paths),
    }
    problems = [problem for part in options.parts for problem in work[part]()]
    results.facts["load at the end"] = machine.load()
    results.save()
    if machine.sources() != results.facts["sources"]:
        problems.append("the package changed while it was measured")
    if options.write:
        PAGE.write_text(page.markdown(results, PICTURES), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(ROOT)}")
    return problems


def _parse() -> argparse.Namespace:
    names = [pair.name for pair in PAIRS]
    parser = argparse.ArgumentParser(prog="benchmarks.paths", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=list(PATHS), metavar="PATH",
                        help=", ".join(PATHS))  # fmt: skip
    parser.add_argument("--pairs", nargs="+", choices=names, default=names, metavar="PAIR",
                        help=f"of the table: {', '.join(names)}")  # fmt: skip
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="default 3")
    parser.add_argument("--size", type=int, metavar="BYTES", help="of a transfer; default: the path's")
    parser.add_argument("--limit", type=float, metavar="SECONDS", help="of a transfer; the same")
    parser.add_argument("--quick", action="store_true", help="the part for the continuous check alone")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--json", type=Path, metavar="FILE", help="write what was measured to FILE")
    where.add_argument(
        "--write", action="store_true", help=f"put it among {RESULTS.name}, and write docs/{PAGE.name}"
    )
    options = parser.parse_args()
    if options.write and (options.size is not None or options.limit is not None):
        parser.error("--write is for transfers of the paths' own sizes and limits")
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
