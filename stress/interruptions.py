"""Cancellation, killed and stopped processes, no descriptors left, forks: the tests of faults, at length."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from stress.results import Part

if TYPE_CHECKING:
    from stress.work import Work

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "faults"
TIMEOUT = 1800.0

_TEXT = """\
`tests/faults` on asyncio and on trio, in their long variants: each operation (dial, listen, open, read,
write, close, ping) is cancelled after every number of turns of its event loop, not only some; peers are
stopped for 10 s and killed; 24 loops in threads share the package, 20 rounds; 200 forks; 60 exits in the
middle of things; no descriptor left; handlers that raise; broken frames. After each, nothing may be left
behind: no task, thread, descriptor or reference."""


@dataclass
class _Count:
    """Tests of one file."""

    tests: int = 0
    failed: int = 0
    seconds: float = 0.0


def measure(work: Work) -> Part:
    """Run them once; each has its repetitions within."""
    part = Part("interruptions", "Cancellation and faults", _TEXT, ("what", "tests", "failed", "seconds"))
    counts: defaultdict[str, _Count] = defaultdict(_Count)
    for case in _run(long=work.long_faults):
        count = counts[case.get("classname", "?").rpartition(".")[2]]
        count.tests += 1
        count.seconds += float(case.get("time", "0"))
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed += 1
            part.notes.append(f"Failed: `{case.get('name')}`")
    for name, count in sorted(counts.items()):
        what = name.removeprefix("test_").replace("_", " ")
        part.row(
            what, str(count.tests), str(count.failed), f"{count.seconds:.0f}",
            name=name, tests=count.tests, failed=count.failed, seconds=count.seconds,
        )  # fmt: skip
    total, failed = sum(each.tests for each in counts.values()), sum(each.failed for each in counts.values())
    part.target("nothing hangs, leaks or fails", f"{failed} of {total} failed", met=total > 0 and failed == 0)
    return part


def _run(*, long: bool) -> list[ET.Element]:
    """Run the tests once and return what the report says of each."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", str(TESTS), f"--junitxml={report}"]
        environment = os.environ | ({"STRESS": "1"} if long else {})
        subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=TIMEOUT
        )
        if not report.exists():
            raise RuntimeError(f"{TESTS}: the tests did not run")
        # Written by pytest a moment ago.
        return list(ET.parse(report).iter("testcase"))
