"""Transfers of the engine on thousands of seeds, on a network and by a clock that exist only in the test."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stress.results import Part
from stress.work import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stress.work import Work

RUST = Path(__file__).resolve().parent.parent / "rust"
TIMEOUT = 3600.0
# What a test that finds failures exits with; they stand in its report.
FOUND = 101

_TEXT = """\
`rust/engine/tests/seeds.rs` connects a client and a listener of the engine over a network and by a clock
that exist only there: a seed decides which datagrams are lost, late, repeated or changed, how many streams
(one to four; 60 short ones where they are opened, closed and reset) carry how much each way, 64 KiB to
4 MiB together or {large} times 64 MiB per network, which of them are reset by either end on their way, and
how slowly they are read. Every byte is compared. *Intact*: transfers that arrived whole and ended as they
should. *Reset*: those that one end gave up as planned, correct until then. *Ended*: connections that ended
with an error, which is right where a blackout is longer than 20 s, and where the handshake itself was
changed or lost again and again. *Pause*: the longest time in which nothing was delivered. A failure names
its seed: `SCENARIO="..." SEED=... cargo test --release --test seeds -- --ignored --nocapture` plays it
again."""


def measure(work: Work) -> Part:
    """Run all networks on *work*'s number of seeds each."""
    part = Part(
        "seeds",
        "Transfers on thousands of seeds",
        _TEXT.format(large=work.large_seeds),
        ("network", "seeds", "intact", "reset", "MiB", "virtual s", "pause s", "ended"),
    )
    started = time.monotonic()
    found = _run(work)
    seconds = time.monotonic() - started
    for each in found:
        ended = ", ".join(f"{count} x {why}" for why, count in each["ended"].items())
        part.row(
            each["scenario"],
            str(each["seeds"]),
            str(each["intact"]),
            str(each["reset"]),
            f"{each['bytes'] / MIB:.0f}",
            f"{each['virtual_seconds']:.0f}",
            f"{each['longest_pause']:.1f}",
            ended or "-",
            **each,
        )
    failures = [failure for each in found for failure in each["failures"]]
    seeds = sum(each["seeds"] for each in found)
    part.target(
        "no transfer was corrupted or hung",
        f"{len(failures)} failures in {seeds} connections",
        met=bool(found) and not failures,
    )
    part.notes += [f"Not as it should be: {failure}" for failure in failures]
    part.notes.append(f"It took {seconds:.0f} s, with what it took to build the test.")
    return part


def _run(work: Work) -> Sequence[dict[str, Any]]:
    """Return what each network's seeds came to.

    Raises:
        SystemExit: the test does not build, or gives no report.
    """
    command = ["cargo", "test", "--release", "--locked", "--quiet", "--package", "webrtc-direct-engine"]
    command += ["--manifest-path", str(RUST / "Cargo.toml"), "--target-dir", str(RUST / "target")]
    command += ["--test", "seeds", "--", "--ignored", "--nocapture"]
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        wanted = {"SEEDS": str(work.seeds), "LARGE": str(work.large_seeds), "REPORT": str(report)}
        ended = subprocess.run(command, env=os.environ | wanted, check=False, timeout=TIMEOUT)
        if ended.returncode not in (0, FOUND) or not report.exists():
            raise SystemExit("error: rust/engine/tests/seeds.rs does not run")
        found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))
    return found
