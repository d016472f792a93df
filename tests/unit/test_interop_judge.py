"""What ``interop/`` judges: one good run, and each thing that can be wrong with it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "interop"))
judge, work = map(importlib.import_module, ("judge", "work"))


class Seen:
    """A listener that has ended, with the events of one good run."""

    peer_id = "listener"

    def __init__(self, *events: str) -> None:
        self.events = events or ("connected", "disconnected", "reset-seen")

    def named(self, name: str) -> list[dict[str, str]]:
        return [{"event": event, "peer_id": "dialer"} for event in self.events if event == name]


def least() -> Any:
    return work.Work(redials=0, pings=1, idle=0.0, checked_size=0, perf_size=8, echo_size=0)


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
