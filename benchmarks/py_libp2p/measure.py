"""Measures hosts of py-libp2p with our transport and with its own; writes ``results.json`` and what shows it.

Run as ``python -m benchmarks.py_libp2p.measure [--wheel WHEEL] [--runs RUNS]``. It installs a release of
libp2p and this package into a fresh environment. Each of the two hosts is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine
from tests.beside.environment import RELEASE, libp2p_environment
from tests.faults.installing import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = Path(__file__).with_name("host_program.py")
RESULTS = PROGRAM.with_name("results.json")
PAGE = ROOT / "docs" / "py-libp2p-speed.md"
TRANSPORTS = {
    "webrtc-direct": "`WebRtcDirect` of this package",
    "tcp": "TCP, Noise, yamux",
    "quic": "QUIC",
    "built-in": "`libp2p.transport.webrtc`",
}
COLUMNS = {
    "upload": "up MB/s",
    "download": "down MB/s",
    "connect_ms": "connect ms",
    "ping_ms": "ping ms",
    "memory": "memory MB",
}
RUN_SECONDS = 300

Results = dict[str, float | None]


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wheel", type=Path, help="this wheel, in place of one that is built")
    parser.add_argument("--runs", type=int, default=3, help="how often to measure each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        python = libp2p_environment(Path(temporary) / "environment", options.wheel, extra="[webrtc]")
        measured = measure(python, options.runs)
    RESULTS.write_text(f"{json.dumps(measured, indent=2)}\n", encoding="utf-8")
    PAGE.write_text(page(measured), encoding="utf-8")
    # The plot of the README shows some of it.
    subprocess.run([sys.executable, ROOT / "interop" / "run.py", "--rewrite"], check=True)


def measure(python: Path, runs: int) -> dict[str, Results]:
    """Return the medians of each transport; they take turns."""
    measured: dict[str, list[Results]] = {name: [] for name in TRANSPORTS}
    for _ in range(runs):
        for name, results in measured.items():
            results.append(measure_once(python, name))
            print(name, results[-1], flush=True)
    return {
        name: {column: median(results, column) for column in COLUMNS} for name, results in measured.items()
    }


def measure_once(python: Path, name: str) -> Results:
    """Return what two hosts measure; what failed is missing."""
    # What is installed is measured, and nothing of this repository.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with subprocess.Popen(
        [python, PROGRAM, "serve", name],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            command = [python, PROGRAM, "measure", name, server.stdout.readline().strip()]
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, text=True, timeout=RUN_SECONDS, check=True
            )
        finally:
            server.kill()
    results: Results = json.loads(done.stdout)
    return results


def median(results: Sequence[Results], column: str) -> float | None:
    """Return the median of the runs, if most of them have a number."""
    numbers = [number for each in results if (number := each.get(column)) is not None]
    return statistics.median(numbers) if len(numbers) * 2 > len(results) else None


def page(measured: Mapping[str, Results]) -> str:
    """Return the page of the documentation."""
    rows = [["transport", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 1)]
    for name, results in measured.items():
        rows.append([TRANSPORTS[name], *(_number(results[column]) for column in COLUMNS)])
    return _PAGE.format(
        release=RELEASE,
        table="\n".join(f"| {' | '.join(row)} |" for row in rows),
        cores=os.cpu_count(),
        python=platform.python_version(),
        load=machine.load(),
    )


def _number(value: float | None) -> str:
    if value is None:
        return "failed"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


_PAGE = """\
# Speed of py-libp2p's transports

This page shows how fast two hosts of py-libp2p {release} are with [`WebRtcDirect`](howto/py-libp2p.md), and
with the transports that py-libp2p has. `make bench-py` measures it and writes this page.

{table}

Both hosts are on loopback, in processes of their own. Each number is a median, and the transports took turns.
*Up* and *down* are one stream that is written to for three seconds. *Connect* is the time from the dial to an
authenticated connection. *Ping* is the round trip of 32 bytes on an open stream. *Memory* is that of the
listening host after the transfers. *Failed* means that most runs ended with an error or not in time.

- cores: {cores}
- python: CPython {python}
- load at the end: {load}
"""
