"""Run the measurements that the command line asks for, show them, and write them to a file."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from peers import PeerFailure

from benchmarks import latency, load, machine, programs, report, throughput
from benchmarks.work import Work
from webrtc_direct._native import BUILD_PROFILE  # noqa: TID251 - asks how the engine was built, no more

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Table

MEASUREMENTS: dict[str, Callable[[Work], Table]] = {
    "throughput": throughput.measure,
    "connect": latency.measure_connect,
    "ping": latency.measure_ping,
    "idle": load.measure_idle,
    "crowd": load.measure_crowd,
}


def main() -> int:
    """Measure and return the exit code."""
    options = _parse()
    if BUILD_PROFILE != "release":
        print(f"error: the engine is a {BUILD_PROFILE} build; 'make build' makes a release", file=sys.stderr)
        return 1
    programs.build()
    work = Work.quick() if options.quick else Work()
    work = work if options.runs is None else replace(work, runs=options.runs)
    facts = machine.facts()
    report.show_facts(facts)
    print(f"medians of {work.runs} runs; x2 is twice as good as the first column, whatever the unit")
    tables, problems = [], []
    for name in options.only or MEASUREMENTS:
        try:
            table = MEASUREMENTS[name](work)
        except PeerFailure as problem:
            problems.append(f"{name}: {problem}")
            print(f"error: {problems[-1]}", file=sys.stderr)
            continue
        tables.append(table)
        report.show_table(table)
    facts["load at the end"] = machine.load()
    if machine.sources() != facts["sources"]:
        problems.append("the package changed while it was measured")
        print(f"error: {problems[-1]}", file=sys.stderr)
    if options.json is not None:
        document = {
            "machine": facts,
            "work": asdict(work),
            "measurements": [table.document() for table in tables],
            "problems": problems,
        }
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if problems else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", nargs="+", choices=MEASUREMENTS, metavar="NAME", help=", ".join(MEASUREMENTS)
    )
    parser.add_argument("--runs", type=_positive, metavar="N", help=f"default {Work().runs}; 1 with --quick")
    parser.add_argument("--quick", action="store_true", help="little work: shows that all of it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE as well")
    return parser.parse_args()


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
