"""The matrix of ``interop/``: its pairs, what it judges, and how it shows what came of it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

# The modules of interop/ are scripts that import each other by their bare names.
sys.path.append(str(Path(__file__).resolve().parents[2] / "interop"))
cell, defects, judge, page, registry, summary, table, work = map(
    importlib.import_module, ("cell", "defects", "judge", "page", "registry", "summary", "table", "work")
)


class Seen:
    """A listener that has ended, with the events of one good run."""

    peer_id = "listener"

    def __init__(self, *events: str) -> None:
        self.events = events or ("connected", "disconnected", "reset-seen")

    def named(self, name: str) -> list[dict[str, str]]:
        return [{"event": event, "peer_id": "dialer"} for event in self.events if event == name]


def least() -> Any:
    return work.Work(connections=1, pings=1, idle=0.0, checked_size=0, perf_size=8, echo_size=0)


def good_result(**changes: object) -> dict[str, Any]:
    transfer = {"bytes": 8, "seconds": 1.0, "mb_per_s": 4.0, "streams": 1, "compared": False}
    return {
        "event": "result",
        "local_peer_id": "dialer",
        "peer_id": "listener",
        "version": "v1",
        "agent": "webrtc-direct/1",
        "protocols": sorted(judge.PROTOCOLS),
        "connect_ms": [2.0],
        "ping_ms": [1.0],
        "perf_upload": transfer,
        "perf_download": transfer,
        "half_close": True,
        "reset": True,
        "closed_after_ms": None,
        **changes,
    }


def problems(result: dict[str, Any], *, closer: str = "dialer", seen: Seen | None = None) -> list[str]:
    found = judge.problems_of(
        result, seen or Seen(), least(), agent="webrtc-direct", version="v1", closer=closer
    )
    return list(found)


def measured(dialer: str, listener: str, *, connect: float, speed: float, version: str = "v1") -> Any:
    made = cell.Cell(dialer, listener, version, "IPv4")
    transfer = {"mb_per_s": speed}
    made.runs.append(
        cell.Run("dialer", result={"connect_ms": [connect], "perf_upload": transfer}, noticed_ms=3.0)
    )
    return made


def test_references_run_before_the_cells_that_need_them() -> None:
    found = registry.pairs(("python", "js", "go", "js-firefox"))
    for pair in found:
        if (beside := registry.reference(*pair)) is not None:
            assert found.index(beside) < found.index(pair)
    assert ("js", "js") not in found
    assert not any(listener == "js-firefox" for _, listener in found)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("js", "python"), ("js", "go")),
        (("python", "js"), ("go", "js")),
        (("python", "python"), ("go", "go")),
        (("go", "js"), None),
    ],
)
def test_the_reference_has_go_in_our_place(pair: tuple[str, str], expected: tuple[str, str] | None) -> None:
    assert registry.reference(*pair) == expected


def test_a_good_run_has_no_problem() -> None:
    assert problems(good_result()) == []
    assert problems(good_result(closed_after_ms=5.0), closer="listener") == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"peer_id": "another"}, "peer_id"),
        ({"version": "v2"}, "version"),
        ({"agent": "another/1"}, "identify says"),
        ({"protocols": []}, "identify lacks"),
        ({"connect_ms": []}, "connect_ms"),
        ({"ping_ms": [1.0, 2.0]}, "ping_ms"),
        ({"idle_ping_ms": 1.0}, "idle_ping_ms"),
        ({"upload": {"bytes": 1}}, "upload was not asked for"),
        ({"perf_upload": None}, "perf_upload moved"),
        ({"perf_upload": {"bytes": 8, "compared": True}}, "compared=True"),
        ({"half_close": None}, "half_close"),
        ({"reset": False}, "reset"),
        ({"closed_after_ms": 1.0}, "closed_after_ms"),
        ({"local_peer_id": "another"}, "the listener saw as connected"),
    ],
)
def test_what_the_dialer_reports_wrong_is_a_problem(change: dict[str, object], word: str) -> None:
    assert any(word in problem for problem in problems(good_result(**change)))


def test_a_late_end_is_a_problem() -> None:
    late = good_result(closed_after_ms=1000 * judge.NOTICE_SECONDS + 1)
    assert problems(late, closer="listener") == ["the dialer noticed the end after 10.0 s"]


@pytest.mark.parametrize("missing", ["connected", "disconnected", "reset-seen"])
def test_what_the_listener_did_not_see_is_a_problem(missing: str) -> None:
    seen = Seen(*(event for event in Seen().events if event != missing))
    assert len(problems(good_result(), seen=seen)) == 1


def test_ratios_above_one_are_better_than_go() -> None:
    cells = [
        measured("js", "go", connect=10.0, speed=20.0),
        measured("js", "python", connect=5.0, speed=30.0),
    ]
    assert summary.summarize(cells[1], cells).ratios == {"connect_ms": 2.0, "perf_upload": 1.5}
    assert summary.summarize(cells[0], cells).ratios == {}


def test_a_failed_reference_is_no_reference() -> None:
    cells = [
        measured("js", "go", connect=10.0, speed=20.0),
        measured("js", "python", connect=5.0, speed=30.0),
    ]
    cells[0].runs[0].problems.append("it broke")
    assert summary.summarize(cells[1], cells).ratios == {}


def test_an_impossible_cell_fails_when_it_passes_or_fails_otherwise() -> None:
    impossible = measured("js", "python", connect=1.0, speed=1.0, version="v2")
    assert impossible.problems == ["it passed, though js-libp2p dials v1 only"]
    impossible.runs[0].problems.append("the dialer: error: out of memory")
    assert "not the known failure" in impossible.problems[0]
    impossible.runs[0].problems[:] = ["the dialer: error: js-libp2p dials v1 only"]
    assert impossible.problems == []
    assert summary.outcome(impossible) == "impossible"


@pytest.mark.parametrize(("dialer", "tries"), [("go", 2), ("js", 1)])
def test_only_a_dialer_with_a_reason_dials_again(
    monkeypatch: pytest.MonkeyPatch, dialer: str, tries: int
) -> None:
    tried: list[Any] = []

    def fail(_: Any, work: Any, closer: str) -> Any:
        tried.append(work)
        return cell.Run(closer, problems=["the dialer: error: connect: all dials failed"])

    monkeypatch.setattr(cell.Cell, "_try", fail)
    made = cell.Cell(dialer, "python", "v1", "IPv4")
    made.run(work.Work(closers=("dialer",)))
    assert len(tried) == tries
    # The second failure counts, and the first is told of.
    assert len(made.problems) == 1
    assert len(made.notes) == tries - 1


def test_options_leave_out_what_a_cell_is_run_without() -> None:
    whole, less = work.Work(), work.Work().without(work.STEPS)
    assert {"--half-close", "--reset", "--idle=12", "--close=listener"} <= set(whole.options("listener"))
    assert less.options("dialer") == ["--count=1", "--pings=20", "--close=dialer"]
    assert less.closers == ("dialer",)


def test_every_defect_names_peers_and_steps_that_exist() -> None:
    for defect in defects.DEFECTS:
        assert defect.dialers | defect.listeners <= set(registry.PROGRAMS)
        assert defect.without <= set(work.STEPS)
        assert bool(defect.without) is not bool(defect.says)


def test_the_page_and_the_table_tell_of_failures_and_defects() -> None:
    cells = [
        measured("js", "go", connect=10.0, speed=20.0),
        measured("js", "python", connect=5.0, speed=30.0),
    ]
    cells.append(measured("js", "python", connect=1.0, speed=1.0, version="v2"))
    cells[2].runs[0].problems.append("error: js-libp2p dials v1 only | v2")
    summaries = [summary.summarize(each, cells) for each in cells]
    text = page.markdown({"js": "js-libp2p 3"}, summaries)
    row = next(line for line in text.splitlines() if line.startswith("| js | python | v1"))
    assert "| 5.00 | 10.00 | x2.00 |" in row
    assert row.endswith("| 3 / - | ok |")
    assert "js → python v2 IPv4" in text
    assert "`error: js-libp2p dials v1 only | v2 (closed by the dialer)`" in text
    cells[1].runs[0].problems.append("it | broke")
    assert "**failed**: it \\| broke (closed by the dialer)" in page.markdown({}, summaries)
    assert "5.00 (x2.00)" in table.row(summaries[1])
    assert "it | broke" in table.row(summaries[1])
