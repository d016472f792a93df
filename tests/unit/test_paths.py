"""What the bench over paths keeps and draws; ``make paths`` measures."""

from __future__ import annotations

import importlib
import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

from benchmarks.paths.path import PATHS
from benchmarks.paths.path import Path as NetworkPath
from benchmarks.paths.results import Rate, Results, cell_name
from benchmarks.paths.svg import Panel, chart

if TYPE_CHECKING:
    from pathlib import Path

# It knows the programs of interop/, whose modules have no types outside of it.
page = importlib.import_module("benchmarks.paths.page")
DONE, UNDONE = True, False


def rate(*runs: tuple[bool, float]) -> str:
    return str(Rate.of([{"done": done, "rate": value} for done, value in runs]))


def test_a_rate_is_the_median_of_its_runs() -> None:
    assert rate((DONE, 1.5), (DONE, 9.25), (DONE, 4.04)) == "4.0"
    assert rate((DONE, 1.5), (DONE, 1.5)) == "1.50"
    assert rate((DONE, 1.5)) == "1.50¹"


def test_a_run_that_was_not_done_counts_as_slower_than_all_that_were() -> None:
    assert rate((UNDONE, 0.5), (DONE, 0.4), (DONE, 0.6)) == "0.40"
    assert rate((UNDONE, 0.5), (UNDONE, 0.3), (DONE, 0.2)) == "<0.50"


def test_there_is_no_rate_where_every_run_failed() -> None:
    assert Rate.of([{"problem": "the dialer: it said nothing"}]) is None
    assert Rate.of([]) is None


def test_results_that_are_not_measured_again_stay_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    first = Results.read(file)
    for number in range(3):
        first.add("table", cell_name("home", "a:b", "up"), {"rate": number})
        first.add("table", cell_name("far", "a:b", "up"), {"rate": number})
    second = Results.read(file)
    second.add("table", cell_name("home", "a:b", "up"), {"rate": 7})
    third = Results.read(file)
    assert third.samples("table", "home a:b up") == [{"rate": 7}]
    assert third.samples("table", "far a:b up") == [{"rate": number} for number in range(3)]


def test_a_path_tells_the_relay_what_it_does_and_nothing_else() -> None:
    assert PATHS["home"].options() == "--delay-ms 10 --rate-mbit 100 --queue-ms 50 --mtu 1500".split()
    assert NetworkPath(name="plain", loss=20).options() == "--delay-ms 0 --loss 20 --mtu 1500".split()


def test_a_chart_is_xml_with_a_line_for_each_series() -> None:
    panels = [Panel("MB/s", {"ours": [(0, 1), (1, 5.5)], "a<b": [(0.5, 2)]}), Panel("queue", {})]
    drawn = ElementTree.fromstring(chart("home & away", panels))
    lines = list(drawn.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(lines) == 2
    words = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"home & away", "ours", "a<b", "MB/s", "queue", "6"} <= set(words)


def test_the_page_has_rates_beside_those_of_the_reference(tmp_path: Path) -> None:
    results = Results(facts={"cores": 2})
    for pair, runs in {
        "python:python": [(DONE, 8.0), (UNDONE, 0.4)],
        "quinn-bbr": [(DONE, 10.0), (DONE, 10.0)],
        "go:go": [(UNDONE, 0.4), (UNDONE, 0.3)],
    }.items():
        for way, (done, value) in zip(("up", "down"), runs, strict=True):
            results.add("table", cell_name("home", pair, way), {"done": done, "rate": value})
    (tmp_path / "paths-home.svg").write_text("<svg/>", encoding="utf-8")
    lines = page.markdown(results, tmp_path).splitlines()
    assert (
        "| home | 10 ms, 100 Mbit/s, queue of 50 ms | 8.0¹ (0.80) / <0.40 (<0.04) | 10.0¹ / 10.0¹ | - / - |"
        in lines
    )
    assert any(line.startswith("| go→go | <0.40 / <0.30 | - / - |") for line in lines)
    assert "![home](images/paths-home.svg)" in lines
    assert "- cores: 2" in lines
