"""The programs that are measured, and the pairs of them. ``interop/`` has most; the rest is built here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from builds import GO_SOURCES, build_go
from peers import Listener, Peer
from registry import GO, PYTHON

from benchmarks.processes import children

HERE = Path(__file__).resolve().parent
LOOPBACK = "127.0.0.1"
DIAL_SECONDS = 300.0

_GO_CLIENT_SOURCE = HERE / "go" / "perf.go"
_GO_CLIENT_PROGRAM = HERE / "go" / "bin" / "perf"
GO_CLIENT = Peer("go", (str(_GO_CLIENT_PROGRAM),), agent=GO.agent)
PYTHON_CLIENT = Peer("ours", (sys.executable, "-m", "benchmarks.client"), agent=PYTHON.agent)

# The two libraries, by the names that tables give them.
LISTENERS = {"go": GO, "ours": PYTHON}
PERF_CLIENTS = {"go": GO_CLIENT, "ours": PYTHON_CLIENT}


@dataclass(frozen=True)
class Pair:
    """A dialer and a listener, each in a process of its own."""

    dialer: str
    listener: str

    def __str__(self) -> str:
        return f"{self.dialer}→{self.listener}"


SAME = (Pair("go", "go"), Pair("ours", "ours"))
ALL = (Pair("go", "go"), Pair("go", "ours"), Pair("ours", "go"), Pair("ours", "ours"))


def build() -> None:
    """Build the Go programs that are older than their sources.

    Raises:
        SystemExit: there is no Go toolchain, or a program does not build.
    """
    build_go()
    newest = max(path.stat().st_mtime for path in (_GO_CLIENT_SOURCE, GO_SOURCES / "go.sum"))
    if _GO_CLIENT_PROGRAM.exists() and _GO_CLIENT_PROGRAM.stat().st_mtime >= newest:
        return
    print("building benchmarks/go ...", file=sys.stderr, flush=True)
    command = ["go", "build", "-trimpath", "-o", str(_GO_CLIENT_PROGRAM), str(_GO_CLIENT_SOURCE)]
    if subprocess.run(command, cwd=GO_SOURCES, check=False).returncode != 0:
        raise SystemExit("error: benchmarks/go does not build")


@contextmanager
def listening(name: str) -> Iterator[tuple[Listener, int]]:
    """Run the listener *name*, warm: it has served one connection. Gives its process id as well."""
    before = children()
    with LISTENERS[name].listen(LOOPBACK) as listener:
        (pid,) = children() - before
        PYTHON_CLIENT.dial(listener.address, ["--perf-download", "100000"], timeout=DIAL_SECONDS)
        yield listener, pid


def in_turns(pairs: tuple[Pair, ...], *, run: int) -> tuple[Pair, ...]:
    """Return *pairs* in an order of its own for each *run*, so that none is measured first each time."""
    return pairs if run % 2 == 0 else pairs[::-1]
