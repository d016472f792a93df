"""Crashes in ``interop/``: which cases there are, when one is late, and how it is shown."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "interop"))
crash, crash_page, crash_programs, crashes = map(
    importlib.import_module, ("crash", "crash_page", "crash_programs", "crashes")
)


def test_the_quick_run_has_a_page_that_is_active_and_one_that_idles() -> None:
    cases = list(crash.cases_of(["page"], ["restarted"]))
    assert [(case.client, case.kind, case.use) for case in cases] == [
        ("page", "restarted", "active"),
        ("page", "restarted", "idle"),
    ]


def test_only_pages_are_reloaded_and_only_those_of_chromium_crash() -> None:
    every = ["page", "page-firefox", "go"]
    assert {case.client for case in crash.cases_of(every, ["page reloaded"])} == {"page", "page-firefox"}
    assert {case.client for case in crash.cases_of(every, ["page crashed"])} == {"page"}
    assert {case.client for case in crash.cases_of(every, ["client asleep"])} == set(every)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seconds": 4.0, "after_return": 1.2}, ""),
        ({}, "did not notice"),
        ({"seconds": 9.0, "after_return": 6.3}, "6.3 s after the restart"),
        # It is told as what it is, not as late.
        ({"problems": ["no 'connected' within 60 s"]}, ""),
    ],
)
def test_a_page_is_late_if_it_tells_of_a_restart_after_the_bound_or_never(
    changes: dict[str, object], words: str
) -> None:
    late = crash.late(crashes.Case("page", "restarted", "active", **changes))
    assert words in late
    assert bool(late) == bool(words)


def test_the_page_has_the_times_in_brackets_and_says_where_nothing_was_noticed() -> None:
    cases = [
        crashes.Case("page", "restarted", "active", seconds=4.04, after_return=1.26, words="fell silent"),
        crashes.Case("page", "killed", "active"),
        crashes.Case("go", "killed", "idle", problems=["no 'connected'"]),
    ]
    text = crash_page.markdown(cases, "a machine")
    assert "| active | 4.0 (1.3) | - | **not in 60** |" in text
    assert "- our page's client, v1 (Chromium): fell silent" in text
    assert "- go idle, killed: no 'connected'" in text


def test_a_case_that_is_run_again_replaces_what_was_known_of_it_alone() -> None:
    known = [
        crashes.Case("page", "killed", "idle", seconds=9.0),
        crashes.Case("go", "killed", "idle", seconds=50.0),
    ]
    fresh = [crashes.Case("page", "killed", "idle", seconds=5.0)]
    assert [(case.client, case.seconds) for case in crash.merged(known, fresh)] == [
        ("go", 50.0),
        ("page", 5.0),
    ]


def test_the_processes_of_a_program_are_found_through_all_generations() -> None:
    command = [
        sys.executable,
        "-c",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found: list[int] = []
        while len(found) < 2:
            found = crash_programs.descendants(process.pid)
        assert found[0] == process.pid
        assert os.getpid() not in found
        process.communicate(b"\n")
