"""Exchange data with released libp2p implementations: both directions, both versions, both IP families.

Each cell is a listener and a dialer in processes of their own: one run that idles, and two that are measured,
where the dialer closes, then the listener. Cells of go in our place run beside ours as the reference. smoldot
and clients that go wrong follow. Exits with 1 when something with us in it fails that is expected to pass, or
passes though a defect of the peer is known to make that impossible.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import page
from bad_clients import PAGES, QUICK_PAGES, BadClient, bad_clients
from builds import build_browser
from plan import VERSIONS, cells_of, quick_peers, run_side_by_side
from plot import svg
from recorded import read_results
from registry import FAMILIES, OURS, PROGRAMS
from results import Results
from smoldot import SmoldotRun
from summary import summarize
from table import HEADER, row
from work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
MATRIX = HERE / "matrix.json"
PAGE = HERE.parent / "docs" / "interop.md"
PLOT = HERE.parent / "docs" / "images" / "throughput.svg"
README = HERE.parent / "README.md"
# The README's table stands between these lines.
MARKS = ("<!-- `make interop` writes this table -->", "<!-- up to here -->")
PARTS = ("cells", "smoldot", "bad")
SHORT_SMOLDOTS, QUICK_SMOLDOTS = 30, 3


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    # Who runs it in the background may have SIGINT ignored, which the peers, that end by it, would inherit.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    options = _parse()
    if options.rewrite:
        _write_project(read_results(MATRIX))
        return 0
    work = _work(options)
    results = _plan(options, work)
    for build in _builds(results):
        build()
    started = time.perf_counter()
    _run(results, work)
    results.seconds = time.perf_counter() - started
    print(f"{results.verdict()} in {results.seconds / 60:.1f} minutes; the numbers are medians")
    _write(options, results)
    return 1 if results.failures() else 0


def _work(options: argparse.Namespace) -> Work:
    work = Work.quick() if options.quick else Work()
    given = {
        "checked_size": options.size,
        "perf_size": options.size,
        "redials": options.redials,
        "idle": options.idle,
    }
    return work.changed({name: value for name, value in given.items() if value is not None})


def _plan(options: argparse.Namespace, work: Work) -> Results:
    results = Results(work=work.words(), machine=_machine())
    if "cells" in options.parts:
        peers = quick_peers() if options.quick else options.peers
        only = options.pair
        if options.quick:
            only = [f"{one}:{other}" for one in peers for other in peers if OURS in (one, other)]
        families = FAMILIES[:1] if options.quick else options.family
        results.cells = cells_of(peers, only=only, versions=options.version, of_families=families)
        if not results.cells:
            raise SystemExit("error: there is no such pair among these peers")
    if "bad" in options.parts:
        results.bad = bad_clients(QUICK_PAGES if options.quick else PAGES)
    if "smoldot" in options.parts:
        count = options.smoldots or (QUICK_SMOLDOTS if options.quick else SHORT_SMOLDOTS)
        results.smoldots = [SmoldotRun.short() for _ in range(count)]
        if not options.quick:
            results.smoldots.insert(0, SmoldotRun.long())
    return results


def _builds(results: Results) -> list[Callable[[], None]]:
    builds = [PROGRAMS[name].build for name in results.peers()]
    if results.bad or results.smoldots:
        builds.append(build_browser)
    return list(dict.fromkeys(builds))


def _run(results: Results, work: Work) -> None:
    """Run what waits side by side, and then what is measured one by one."""
    long = [each for each in results.smoldots if not each.pings]
    short = [each for each in results.smoldots if each.pings]
    others: list[SmoldotRun | BadClient] = [*long, *results.bad]
    waiting: list[Callable[[], None]] = [each.run for each in others]
    if work.idle:
        waiting += [partial(cell.run_idle, work) for cell in results.cells]
    if waiting:
        print(f"{len(waiting)} runs that wait, side by side ...", file=sys.stderr, flush=True)
    run_side_by_side(waiting)
    if results.cells:
        print(HEADER, flush=True)
    for cell in results.cells:
        cell.run(work)
        print(row(summarize(cell, results.cells)), flush=True)
    for each in short:
        each.run()
    for line in results.lines():
        print(line)


def _machine() -> str:
    return f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def _write(options: argparse.Namespace, results: Results) -> None:
    """Write the files that were asked for; those of the project only for all of the matrix."""
    if options.json is not None:
        options.json.write_text(_text(results), encoding="utf-8")
    if options.write:
        _write_project(results)


def _write_project(results: Results) -> None:
    MATRIX.write_text(_text(results), encoding="utf-8")
    PAGE.write_text(page.markdown(results), encoding="utf-8")
    PLOT.write_text(svg(results.summaries()), encoding="utf-8")
    _write_readme(page.overview(results))
    print(*(f"wrote {each.relative_to(HERE.parent)}" for each in (MATRIX, PAGE, PLOT, README)), sep="\n")


def _text(results: Results) -> str:
    """Return the document of *results*, with a line for each cell: a diff shows which ones changed."""
    members = ",\n".join(f'"{name}": {_lines(value)}' for name, value in results.document().items())
    return f"{{\n{members}\n}}\n"


def _lines(value: object) -> str:
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in value)
    return f"[\n{lines}\n]"


def _write_readme(table: list[str]) -> None:
    text = README.read_text(encoding="utf-8")
    if text.count(MARKS[0]) != 1 or text.count(MARKS[1]) != 1:
        raise SystemExit(f"error: README.md needs the lines {MARKS[0]} and {MARKS[1]} around its table")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    README.write_text("\n".join([before + MARKS[0], "", *table, "", MARKS[1] + after]), encoding="utf-8")


def _parse() -> argparse.Namespace:
    work = Work()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", nargs="+", choices=PROGRAMS, default=list(PROGRAMS), metavar="PEER",
                        help=", ".join(PROGRAMS))  # fmt: skip
    parser.add_argument("--pair", nargs="+", metavar="DIALER:LISTENER", help="these alone")
    parser.add_argument("--version", nargs="+", choices=VERSIONS, default=VERSIONS)
    parser.add_argument("--family", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--parts", nargs="+", choices=PARTS,
                        help="default: cells; all of them with --quick and --write")  # fmt: skip
    parser.add_argument("--size", type=int, help=f"bytes of each transfer ({work.perf_size})")
    parser.add_argument("--redials", type=int, help=f"connections after the first ({work.redials})")
    parser.add_argument("--idle", type=float, help=f"seconds without a word ({work.idle:g})")
    parser.add_argument("--smoldots", type=int, help=f"short runs of smoldot ({SHORT_SMOLDOTS})")
    parser.add_argument("--quick", action="store_true", help="what goes into the continuous check")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE")
    parser.add_argument("--write", action="store_true", help="write matrix.json, its pages and its plot")
    parser.add_argument("--rewrite", action="store_true",
                        help="run nothing; write the pages and the plot from matrix.json")  # fmt: skip
    options = parser.parse_args()
    whole = {"peers": list(PROGRAMS), "pair": None, "version": VERSIONS, "family": FAMILIES}
    is_whole = all(getattr(options, name) == value for name, value in whole.items())
    if options.quick and not is_whole:
        parser.error("--quick chooses its cells itself")
    if options.write and (options.quick or options.parts or not is_whole):
        parser.error("--write is for the whole matrix")
    options.parts = options.parts or (PARTS if options.quick or options.write else PARTS[:1])
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
