"""smoldot, the light client, in Chromium, with ``examples/smoldot_peer.py`` as the boot node of its chain."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from builds import BROWSER_SOURCES, HERE
from peers import GRACE_SECONDS, START_SECONDS, STOP_SECONDS, PeerFailure, run_program
from registry import DRIVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers import Event

PEER = HERE.parent / "examples" / "smoldot_peer.py"
# What a browser takes to start and to end.
_OVERHEAD_SECONDS = 60.0


@dataclass
class SmoldotRun:
    """One client: it stays for *seconds*, or until *pings* and all else were seen if that is not 0."""

    seconds: float
    pings: int = 0
    result: Event | None = None
    problems: list[str] = field(default_factory=list)

    @classmethod
    def long(cls) -> SmoldotRun:
        """Return one over several of its ping intervals, which are 20 s: 4 pings."""
        return cls(seconds=70.0)

    @classmethod
    def short(cls) -> SmoldotRun:
        """Return one that ends as soon as it has done everything once."""
        return cls(seconds=30.0, pings=1)

    def run(self) -> None:
        """Start the peer and the browser, and judge what both said."""
        try:
            with _peer() as (address, seen):
                options = [f"--seconds={self.seconds:g}", f"--pings={self.pings}"]
                timeout = self.seconds + _OVERHEAD_SECONDS + GRACE_SECONDS
                self.result = run_program("smoldot", [*DRIVER, "smoldot", address, *options], timeout=timeout)
        except PeerFailure as failure:
            self.problems.append(str(failure))
        else:
            self.problems += problems_of(self.result, self.pings or 1 + int(self.seconds / 20))
            self.problems += [] if len(seen) == 1 else [f"the peer saw {len(seen)} connections"]

    def document(self) -> dict[str, Any]:
        """Return it for the JSON file."""
        return {"seconds": self.seconds, "result": self.result, "problems": self.problems}


def problems_of(result: Event, pings: int) -> Iterator[str]:
    """Yield what smoldot did not do; *pings* are the answers that it had time for."""
    for name in ("connected", "handshake_finished", "gossip_open"):
        if result.get(name) is not True:
            yield f"{name} is {result.get(name)}"
    if not str(result.get("agent")).startswith("webrtc-direct"):
        yield f"identify says {result.get('agent')!r}"
    if len(result.get("ping_ms") or ()) < pings:
        yield f"{len(result.get('ping_ms') or ())} pings were answered instead of {pings}"
    yield from (f"it panicked: {text}" for text in result.get("panics") or ())


def genesis_hash() -> str:
    """Return that of the chain that the page makes up."""
    text = (BROWSER_SOURCES / "page" / "chain.js").read_text(encoding="utf-8")
    found = re.search(r"GENESIS_HASH = '([0-9a-f]{64})'", text)
    if found is None:
        raise PeerFailure("page/chain.js names no genesis hash")
    return found[1]


@contextmanager
def _peer() -> Iterator[tuple[str, list[str]]]:
    """Run the example; give its address, and the list that has its lines about connections in the end."""
    command = [sys.executable, str(PEER), genesis_hash()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen: list[str] = []
    try:
        # Its first line comes at once, or its output ends.
        yield process.stdout.readline().strip(), seen
    finally:
        process.send_signal(signal.SIGINT)
        try:
            rest, complaint = process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            rest, complaint = process.communicate(timeout=START_SECONDS)
        seen += [line for line in rest.splitlines() if line.startswith("connected:")]
    if process.returncode != 0:
        raise PeerFailure(f"the peer: {(complaint.strip().splitlines() or ['?'])[-1]}")
