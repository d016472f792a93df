"""The comparison of py-libp2p's own tests over two transports."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from tests.beside.own_tests.comparison import (
    ALL,
    Cause,
    Folder,
    Outcomes,
    cause_row,
    counts,
    page,
    problems,
    read_causes,
)
from tests.beside.own_tests.run import HERE, PAGE, Suite

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "tests/core/network"
FIRST, SECOND, THIRD = (f"{FOLDER}/test_{name}.py::test" for name in ("first", "second", "third"))


def outcomes(*, passed: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> Outcomes:
    return Outcomes(passed=set(passed), failed=set(failed))


def line(test: str, outcome: str, *, in_use: bool = False) -> str:
    return json.dumps({"test": test, "outcome": outcome, "in_use": in_use})


def test_what_passes_in_one_of_its_tries_has_passed() -> None:
    result = Outcomes()
    result.add_lines([line(FIRST, "failed"), line(SECOND, "failed"), line(THIRD, "skipped")])
    result.add_lines([line(FIRST, "passed", in_use=True), line(SECOND, "failed")])
    result.add_lines([line(FIRST, "failed")])
    assert (result.passed, result.failed, result.in_use) == ({FIRST}, {SECOND}, {FIRST})


def test_what_fails_over_both_is_no_difference() -> None:
    folder = Folder(FOLDER, tcp=outcomes(failed=(FIRST,)), webrtc=outcomes(failed=(FIRST,)))
    assert folder.differences == []


def test_a_failure_without_a_cause_is_a_problem() -> None:
    tcp = outcomes(passed=(FIRST, SECOND, THIRD))
    # The third one never ended.
    folder = Folder(FOLDER, tcp=tcp, webrtc=outcomes(passed=(FIRST,), failed=(SECOND,)))
    assert len(problems([folder], {})) == 2
    assert problems([folder], {SECOND: Cause("it is known"), THIRD: Cause("it hangs")}) == []


def test_a_cause_without_a_failure_is_a_problem() -> None:
    folder = Folder(FOLDER, tcp=outcomes(passed=(FIRST,)), webrtc=outcomes(passed=(FIRST,)))
    assert len(problems([folder], {FIRST: Cause("it is known")})) == 1
    assert problems([folder], {FIRST: Cause("it is a race", sometimes=True)}) == []
    # A test that is not there any more has no race to win.
    assert len(problems([folder], {SECOND: Cause("it is a race", sometimes=True)})) == 1
    # This folder did not run.
    assert problems([folder], {"tests/core/host/test_a.py::test": Cause("it is known")}) == []


def test_a_folder_in_which_nothing_passes_over_tcp_is_a_problem() -> None:
    assert len(problems([Folder(FOLDER, tcp=outcomes(), webrtc=outcomes())], {})) == 1


def test_the_counts_are_of_each_folder() -> None:
    tcp, webrtc = outcomes(passed=(FIRST, SECOND)), outcomes(passed=(FIRST,))
    webrtc.in_use.add(FIRST)
    document = json.loads(counts([Folder(FOLDER, tcp=tcp, webrtc=webrtc)], "libp2p 1.2.3"))
    numbers = {"tests": "network", "tcp": 2, "webrtc_direct": 1, "with_connections": 1}
    assert document == {"release": "libp2p 1.2.3", "counts": [numbers]}


def test_the_page_has_a_row_for_each_cause() -> None:
    folder = Folder(FOLDER, tcp=outcomes(), webrtc=outcomes(), files=("test_first.py",))
    causes = {SECOND: Cause("It is known."), THIRD: Cause("A race.", sometimes=True)}
    text = page([folder], causes, "libp2p 1.2.3")
    assert "in the source of libp2p 1.2.3" in text
    assert "These files run: `test_first`." in text
    assert f"| `{SECOND.removeprefix(ALL)}` | It is known. |" in text
    assert f"| `{THIRD.removeprefix(ALL)}` | A race. It fails now and then. |" in text


def test_the_page_of_the_documentation_has_the_causes_of_today() -> None:
    causes = read_causes((HERE / "causes.json").read_text(encoding="utf-8"))
    _, _, table = PAGE.read_text(encoding="utf-8").partition("| test | cause |\n|---|---|\n")
    assert table.splitlines() == [cause_row(*each) for each in sorted(causes.items())]


def test_what_is_not_done_at_the_deadline_is_killed(tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nsleep 60\n")
    hanging.chmod(0o755)
    started = time.monotonic()
    suite = Suite(hanging, source=tmp_path, results=tmp_path / "results", deadline=started + 0.2)
    with pytest.raises(SystemExit, match="no time is left for tests/core/perf over TCP"):
        suite.compare("perf")
    assert time.monotonic() - started < 30
