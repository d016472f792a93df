"""Exchange data with released libp2p implementations: both directions, both versions, both IP families.

Each cell is a listener and a dialer in processes of their own, run twice: the dialer closes, then the
listener. Cells of go in our place run beside ours as the reference. Exits with 1 when a cell fails that
is expected to pass, or passes though a defect of the peer is known to make that impossible.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import page
from cell import ADDRESSES, Cell
from registry import PROGRAMS, pairs
from summary import summarize
from table import HEADER, row
from work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve().parent
MATRIX = HERE / "matrix.json"
PAGE = HERE.parent / "docs" / "interop.md"
VERSIONS = ("v1", "v2")


def main() -> int:
    """Run the cells that the command line asks for and return the exit code."""
    options = _parse()
    cells = _cells(options)
    used = sorted({name for cell in cells for name in (cell.dialer, cell.listener)}, key=list(PROGRAMS).index)
    for build in dict.fromkeys(PROGRAMS[name].build for name in used):
        build()
    work = Work(
        checked_size=options.size,
        perf_size=options.size,
        connections=options.connections,
        idle=options.idle,
    )
    print(HEADER, flush=True)
    for cell in cells:
        cell.run(work)
        print(row(summarize(cell, cells)), flush=True)
    failed = sum(bool(cell.problems) for cell in cells)
    print(f"{len(cells) - failed} of {len(cells)} cells are as expected; the numbers are medians")
    _write(options, cells, work, used)
    return 1 if failed else 0


def _cells(options: argparse.Namespace) -> list[Cell]:
    chosen = [
        (dialer, listener)
        for dialer, listener in pairs(tuple(options.peers))
        if options.pair is None or f"{dialer}:{listener}" in options.pair
    ]
    if not chosen:
        raise SystemExit("error: there is no such pair among these peers")
    return [
        Cell(dialer, listener, version, family)
        for (dialer, listener), version, family in itertools.product(chosen, options.version, options.family)
    ]


def _write(options: argparse.Namespace, cells: Sequence[Cell], work: Work, used: Sequence[str]) -> None:
    """Write the files that were asked for; those of the project only for all of the matrix."""
    summaries = [summarize(cell, cells) for cell in cells]
    facts = {
        **{PROGRAMS[name].peer.name: PROGRAMS[name].release() for name in used},
        "machine": f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
        "work": f"{work.connections} connections, {work.pings} pings, {work.idle:g} s of idling, "
        f"{work.perf_size} bytes each way, {work.echo_streams} echoes of {work.echo_size} bytes",
    }
    document = {"facts": facts, "cells": [summary.document() for summary in summaries]}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if options.json is not None:
        options.json.write_text(text, encoding="utf-8")
    if options.write:
        MATRIX.write_text(text, encoding="utf-8")
        PAGE.write_text(page.markdown(facts, summaries), encoding="utf-8")
        print(f"wrote {MATRIX.relative_to(HERE.parent)} and {PAGE.relative_to(HERE.parent)}")


def _parse() -> argparse.Namespace:
    work = Work()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", nargs="+", choices=PROGRAMS, default=list(PROGRAMS), metavar="PEER",
                        help=", ".join(PROGRAMS))  # fmt: skip
    parser.add_argument("--pair", nargs="+", metavar="DIALER:LISTENER", help="these alone")
    parser.add_argument("--version", nargs="+", choices=VERSIONS, default=VERSIONS)
    parser.add_argument("--family", nargs="+", choices=ADDRESSES, default=tuple(ADDRESSES))
    parser.add_argument("--size", type=int, default=work.perf_size, help="bytes of each transfer")
    parser.add_argument("--connections", type=int, default=work.connections, help="dials per run")
    parser.add_argument("--idle", type=float, default=work.idle, help="seconds without a word")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE")
    parser.add_argument("--write", action="store_true", help="write matrix.json and docs/interop.md")
    options = parser.parse_args()
    whole = {"peers": list(PROGRAMS), "pair": None, "version": VERSIONS, "family": tuple(ADDRESSES)}
    if options.write and any(getattr(options, name) != value for name, value in whole.items()):
        parser.error("--write is for the whole matrix")
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
