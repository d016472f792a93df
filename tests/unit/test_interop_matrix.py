"""The matrix of ``interop/``: its cells, how they are run, and how it shows what came of them."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

# The modules of interop/ are scripts that import each other by their bare names.
ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "interop"))
MODULES = (
    "cell",
    "defects",
    "own_tests",
    "page",
    "plan",
    "plot",
    "recorded",
    "registry",
    "results",
    "slower",
    "summary",
    "table",
    "work",
)
cell, defects, own_tests, page, plan, plot, recorded, registry, results, slower, summary, table, work = map(
    importlib.import_module, MODULES
)


def measured(dialer: str, listener: str, *, connect: float, speed: float, version: str = "v1") -> Any:
    made = cell.Cell(dialer, listener, version, "IPv4")
    result = {"connect_ms": [connect, connect / 2, connect / 5], "perf_upload": {"mb_per_s": speed}}
    made.runs.append(cell.Run("dialer", result=result, noticed_ms=3.0))
    return made


def names(found: list[Any]) -> list[str]:
    return [f"{each.dialer} {each.listener} {each.version} {each.family}" for each in found]


def test_only_pairs_with_us_or_go_are_cells() -> None:
    found = registry.pairs(("python", "js", "go", "js-firefox"))
    assert ("js", "js") not in found
    assert not any(listener == "js-firefox" for _, listener in found)


def test_python_in_a_browser_is_us_and_dials_whoever_listens() -> None:
    found = registry.pairs(registry.PROGRAMS)
    assert [listener for dialer, listener in found if dialer == "python-chromium"] == ["go", "python", "js"]
    assert registry.is_ours("python-firefox", "js")
    assert not registry.is_ours("js-chromium", "go")


def test_py_libp2p_has_cells_with_its_partners_alone() -> None:
    found = registry.pairs(registry.PROGRAMS)
    ours, built_in = "py-libp2p", "py-libp2p-built-in"
    dialers = ["go", "python", "js", "js-chromium", "js-firefox", ours]
    assert [dialer for dialer, listener in found if listener == ours] == dialers
    assert [listener for dialer, listener in found if dialer == ours] == ["go", "python", "js", ours]
    assert [dialer for dialer, listener in found if listener == built_in] == ["go", "python", built_in]
    assert registry.is_ours("go", ours)
    assert not registry.is_ours("go", built_in)


def test_a_cell_comes_right_after_its_reference() -> None:
    found = plan.cells_of(["go", "python", "js"], only={"js:python", "js:go"}, of_families=["IPv4", "IPv6"])
    assert names(found) == [
        f"js {listener} {version} {family}"
        for family in ("IPv4", "IPv6")
        for version in ("v1", "v2")
        for listener in ("go", "python")
    ]


def test_every_reference_is_run_once_and_before() -> None:
    found = plan.cells_of(registry.PROGRAMS, of_families=registry.FAMILIES)
    assert len(set(names(found))) == len(found)
    for index, each in enumerate(found):
        beside = registry.reference(each.dialer, each.listener)
        if beside is not None:
            before = [(one.dialer, one.listener) for one in found[:index] if one.version == each.version]
            assert beside in before or beside == (each.dialer, each.listener)


def test_a_variant_has_cells_in_one_family_alone() -> None:
    peers, only = ["python", "bare-chromium-no-pqc"], ["bare-chromium-no-pqc:python"]
    found = plan.cells_of(peers, only=only, versions=("v2",), of_families=registry.FAMILIES)
    assert names(found) == ["bare-chromium-no-pqc python v2 IPv4"]


def test_the_quick_run_has_ours_in_each_cell() -> None:
    peers = plan.quick_peers()
    assert {"go", "python", "js", "bare-chromium", "js-chromium", "python-chromium"} == set(peers)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("js", "python"), ("js", "go")),
        (("python", "js"), ("go", "js")),
        (("python", "python"), ("go", "go")),
        (("python", "py-libp2p"), ("go", "py-libp2p")),
        (("py-libp2p", "py-libp2p"), None),
        (("go", "js"), None),
        (("python-chromium", "python"), ("python-chromium", "go")),
        (("python-chromium", "js"), None),
    ],
)
def test_the_reference_has_go_in_our_place(pair: tuple[str, str], expected: tuple[str, str] | None) -> None:
    assert registry.reference(*pair) == expected


def test_ratios_above_one_are_better_than_go() -> None:
    cells = [
        measured("js", "go", connect=10.0, speed=20.0),
        measured("js", "python", connect=5.0, speed=30.0),
    ]
    assert summary.summarize(cells[1], cells).ratios == {
        "connect_ms": 2.0,
        "redial_ms": 2.0,
        "perf_upload": 1.5,
    }
    assert summary.summarize(cells[0], cells).ratios == {}


def test_the_first_dial_of_a_process_is_no_redial_and_idling_is_no_measurement() -> None:
    made = measured("js", "python", connect=10.0, speed=1.0)
    idle = cell.Run(
        "dialer", idle=True, result={"connect_ms": [99.0], "ping_ms": [99.0], "idle_ping_ms": 0.5}
    )
    made.runs.insert(0, idle)
    shown = summary.summarize(made, [made])
    assert shown.numbers == {"connect_ms": 10.0, "redial_ms": 3.5, "idle_ping_ms": 0.5, "perf_upload": 1.0}
    idle.problems.append("no pong")
    assert made.problems == ["no pong (idling)"]


def test_what_is_slower_than_go_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [
        measured("js", "go", connect=10.0, speed=20.0),
        measured("js", "python", connect=9.0, speed=10.0),
    ]
    assert summary.summarize(cells[1], cells).slower == {"perf_upload": slower.UNKNOWN}
    assert summary.summarize(cells[0], cells).slower == {}
    known = slower.Reason(
        reason="it is the weather", dialers=frozenset({"js"}), numbers=frozenset({"perf_upload"})
    )
    monkeypatch.setattr(slower, "REASONS", (known,))
    assert summary.summarize(cells[1], cells).slower == {"perf_upload": "it is the weather"}
    assert slower.reason_for("go", "python", "perf_upload", 0.89) == slower.UNKNOWN
    assert slower.reason_for("go", "python", "perf_upload", 0.91) == slower.ALIKE


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


def test_idling_is_a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def succeed(_: Any, work: Any, closer: str) -> Any:
        tried.append(work)
        return cell.Run(closer)

    monkeypatch.setattr(cell.Cell, "_try", succeed)
    made = cell.Cell("go", "python", "v1", "IPv4")
    made.run_idle(work.Work())
    made.run(work.Work())
    assert [(each.idle, each.connections, each.perf_size > 0) for each in tried] == [
        (25.0, 1, False),
        (0.0, 21, True),
        (0.0, 21, True),
    ]
    assert [(run.idle, run.closer) for run in made.runs] == [
        (True, "dialer"),
        (False, "dialer"),
        (False, "listener"),
    ]


def test_an_impossible_cell_does_not_idle() -> None:
    made = cell.Cell("js", "python", "v2", "IPv4")
    made.run_idle(work.Work())
    assert made.runs == []


def test_options_leave_out_what_a_cell_is_run_without() -> None:
    whole, less = work.Work(), work.Work().without(work.STEPS)
    assert {"--half-close", "--reset", "--idle=25", "--close=listener"} <= set(whole.options("listener"))
    assert less.options("dialer") == ["--count=1", "--pings=20", "--close=dialer"]
    assert less.closers == ("dialer",)


def test_every_defect_names_peers_and_steps_that_exist() -> None:
    for defect in defects.DEFECTS:
        assert defect.dialers | defect.listeners <= set(registry.PROGRAMS)
        assert defect.without <= set(work.STEPS)
        assert bool(defect.without) is not bool(defect.says)


def test_every_reason_names_peers_and_numbers_that_exist() -> None:
    for each in slower.REASONS:
        assert each.dialers | each.listeners <= set(registry.PROGRAMS)
        assert each.numbers <= set(summary.SHOWN)
    assert set(summary.SHOWN) <= set(summary.RATIOS)


def test_the_page_and_the_table_tell_of_failures_and_defects() -> None:
    cells = [
        measured("js", "go", connect=10.0, speed=20.0),
        measured("js", "python", connect=5.0, speed=30.0),
    ]
    cells.append(measured("js", "python", connect=1.0, speed=1.0, version="v2"))
    cells[2].runs[0].problems.append("error: js-libp2p dials v1 only | v2")
    found = results.Results(work="little", machine="small", cells=cells)
    text = page.markdown(found)
    assert "| js | python | v1 | IPv4 | 5.00 | 10.00 | x2.00 | 1.75 | 3.50 | x2.00 |" in text
    overview = next(line for line in text.splitlines() if line.startswith("| js | js-libp2p"))
    assert overview.endswith("| yes | not possible: js-libp2p dials v1 only | - | - |")
    assert "2 of 2 cells, 1 of 1 cells between others are as expected." in text
    assert "js → python v2 IPv4" in text
    assert "`error: js-libp2p dials v1 only | v2 (closed by the dialer)`" in text
    cells[1].runs[0].problems.append("it | broke")
    text = page.markdown(found)
    assert "**failed**: it \\| broke (closed by the dialer)" in text
    assert "1 of 2 cells, 1 of 1 cells between others are as expected." in text
    shown = table.row(summary.summarize(cells[1], cells))
    assert "5.00 (x2.00)" in shown
    assert "it | broke" in shown


def test_what_others_fail_at_among_themselves_is_told_and_does_not_fail_the_run() -> None:
    with_us, without_us = (measured("go", listener, connect=2, speed=1) for listener in ("python", "js"))
    found = results.Results(work="", machine="", cells=[with_us, without_us])
    without_us.runs[0].problems.append("it stood still")
    assert found.failures() == 0
    text = page.markdown(found)
    assert "1 of 1 cells, 0 of 1 cells between others are as expected." in text
    assert text.index("What failed without us") < text.index("go → js v1 IPv4**: it stood still")
    assert "## What failed\n" not in text
    with_us.runs[0].problems.append("so did this")
    assert found.failures() == 1


def test_the_words_for_what_works_name_what_works() -> None:
    assert work.verdict(()) == "yes"
    assert work.verdict(["reset", "redials"]) == "yes, except re-dials, reset"
    all_but_two = set(work.STEPS) - {"redials", "idle"}
    assert work.verdict(all_but_two) == "in part: connect, identify, ping, re-dials, 25 s without traffic"
    assert set(work.STEP_WORDS) == set(work.STEPS)


def test_the_page_has_the_counts_of_py_libp2ps_own_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counts = [
        {"tests": name, "tcp": 3, "webrtc_direct": 2, "with_connections": 1} for name in ("host", "pubsub")
    ]
    written = tmp_path / "counts.json"
    written.write_text(json.dumps({"release": "libp2p 1.2.3", "counts": counts}), encoding="utf-8")
    monkeypatch.setattr(own_tests, "COUNTS", written)
    text = page.markdown(results.Results(work="", machine=""))
    assert "runs those of libp2p 1.2.3 twice" in text
    assert "| `host` | 3 | 2 | 1 |\n| `pubsub` | 3 | 2 | 1 |\n| all | 6 | 4 | 2 |\n" in text


def test_pages_and_plot_say_what_was_recorded() -> None:
    found = recorded.read_results(ROOT / "interop" / "matrix.json")
    assert (ROOT / "docs" / "interop.md").read_text(encoding="utf-8") == page.markdown(found)
    plotted = (ROOT / "docs" / "images" / "throughput.svg").read_text(encoding="utf-8")
    assert plotted == plot.svg(found.summaries())
    assert "\n".join(page.overview(found)) in (ROOT / "README.md").read_text(encoding="utf-8")
