"""Exchange data with a released go-libp2p: both directions, both versions, both IP families.

Each cell of the table is a listener and a dialer in processes of their own: connect,
identify, pings, bulk data each way, echo over several streams. Pairs of go and go run
beside them as the reference. Exits with 1 when a cell fails.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from matrix import ADDRESSES, HEADER, Cell, Work
from peers import Peer

HERE = Path(__file__).resolve().parent
GO_SOURCES = HERE / "go"
GO_PROGRAM = GO_SOURCES / "bin" / "webrtc-direct-interop"

GO = Peer("go", (str(GO_PROGRAM),), agent="go-libp2p/")
PYTHON = Peer("python", (sys.executable, str(HERE / "python_peer.py")), agent="webrtc-direct")
PAIRS = {
    "go:python": (GO, PYTHON),
    "python:go": (PYTHON, GO),
    "go:go": (GO, GO),
    "python:python": (PYTHON, PYTHON),
}
DEFAULT_PAIRS = ("go:python", "python:go", "go:go")


def main() -> int:
    """Run the cells that the command line asks for and return the exit code."""
    options = _parse()
    build_go()
    cells = [
        Cell(*PAIRS[pair], version, family)
        for pair, version, family in itertools.product(options.pair, options.version, options.family)
    ]
    work = Work(transfer_size=options.size, connections=options.connections)
    print(HEADER, flush=True)
    for cell in cells:
        cell.run(work)
        print(cell.row(), flush=True)
    failed = sum(bool(cell.problems) for cell in cells)
    print(f"{len(cells) - failed} of {len(cells)} cells passed; connect and ping are medians")
    if options.json is not None:
        options.json.write_text(json.dumps(_document(cells, work), indent=2) + "\n", encoding="utf-8")
    return 1 if failed else 0


def build_go() -> None:
    """Build the Go program unless it is newer than all its sources."""
    sources = [*GO_SOURCES.glob("*.go"), GO_SOURCES / "go.mod", GO_SOURCES / "go.sum"]
    if GO_PROGRAM.exists() and GO_PROGRAM.stat().st_mtime >= max(path.stat().st_mtime for path in sources):
        return
    if shutil.which("go") is None:
        raise SystemExit(
            "error: the Go toolchain is needed to build interop/go, and there is no 'go' in PATH"
        )
    print("building interop/go ...", file=sys.stderr, flush=True)
    command = ["go", "build", "-trimpath", "-o", str(GO_PROGRAM), "."]
    if subprocess.run(command, cwd=GO_SOURCES, check=False).returncode != 0:
        raise SystemExit("error: interop/go does not build")


def _parse() -> argparse.Namespace:
    work = Work()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE as well")
    parser.add_argument("--pair", nargs="+", choices=PAIRS, default=DEFAULT_PAIRS, help="dialer:listener")
    parser.add_argument("--version", nargs="+", choices=("v1", "v2"), default=("v1", "v2"))
    parser.add_argument("--family", nargs="+", choices=ADDRESSES, default=tuple(ADDRESSES))
    parser.add_argument("--size", type=int, default=work.transfer_size, help="bytes of each transfer")
    parser.add_argument("--connections", type=int, default=work.connections, help="dials per cell")
    return parser.parse_args()


def _document(cells: list[Cell], work: Work) -> dict[str, object]:
    agents = {cell.listener.name: cell.result.get("agent") for cell in cells if cell.result is not None}
    return {
        "agents": agents,
        "machine": {
            "system": platform.platform(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
        },
        "work": vars(work),
        "cells": [cell.document() for cell in cells],
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
