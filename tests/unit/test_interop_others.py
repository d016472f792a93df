"""smoldot and the clients that go wrong, in ``interop/``: what is judged, and how it is shown."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "interop"))
bad_clients, page, results, smoldot = map(
    importlib.import_module, ("bad_clients", "page", "results", "smoldot")
)

NOTHING = {"connections": 0, "handshakes": 0, "authenticated": 0, "streams": 0}


def shown(**changes: object) -> dict[str, Any]:
    words = "DTLS failed: the server's certificate is not the one of the address"
    return {"shown": words, "after_ms": 50, "counts": NOTHING, "freed_after_ms": 9, **changes}


def vanished(**changes: object) -> dict[str, Any]:
    words = {"reason": "TIMEOUT", "detail": "nothing heard from the peer for 20 s"}
    return {**words, "disconnected_after_ms": 20_024, "counts": NOTHING, "freed_after_ms": 1, **changes}


def seen(**changes: object) -> dict[str, Any]:
    said = {"connected": True, "handshake_finished": True, "gossip_open": True, "agent": "webrtc-direct/1"}
    return {**said, "connect_ms": [60.0], "ping_ms": [1.0, 1.0], "panics": [], **changes}


def test_a_page_that_names_the_cause_is_right() -> None:
    assert list(bad_clients.problems_of(shown(), "bare", "wrong-certhash")) == []
    assert list(bad_clients.problems_of(vanished(), "bare", "browser-killed")) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"shown": "an error"}, "the page showed 'an error'"),
        ({"shown": None}, "the page showed None"),
        ({"after_ms": 30_001}, "after 30001 ms"),
        ({"after_ms": None}, "after None ms"),
        ({"counts": {**NOTHING, "handshakes": 1}}, "still holds"),
        ({"counts": None}, "still holds None"),
    ],
)
def test_what_is_wrong_with_a_refused_page_is_a_problem(change: dict[str, object], word: str) -> None:
    (problem,) = bad_clients.problems_of(shown(**change), "bare", "wrong-certhash")
    assert word in problem


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"detail": ""}, "no reason"),
        ({"disconnected_after_ms": 30_001}, "after 30001 ms"),
        ({"counts": {**NOTHING, "streams": 1}}, "still holds"),
    ],
)
def test_what_a_listener_does_wrong_is_a_problem(change: dict[str, object], word: str) -> None:
    (problem,) = bad_clients.problems_of(vanished(**change), "js", "tab-closed")
    assert word in problem


def test_every_page_is_wrong_in_every_way() -> None:
    found = bad_clients.bad_clients(bad_clients.PAGES)
    assert len(found) == len(bad_clients.PAGES) * 5
    assert {each.kind for each in found} == set(bad_clients.KINDS)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"connected": False}, "connected is False"),
        ({"gossip_open": False}, "gossip_open is False"),
        ({"agent": None}, "identify says None"),
        ({"ping_ms": [1.0]}, "1 pings were answered instead of 2"),
        ({"panics": ["unreachable"]}, "it panicked: unreachable"),
    ],
)
def test_what_smoldot_does_not_do_is_a_problem(change: dict[str, object], word: str) -> None:
    assert list(smoldot.problems_of(seen(), 2)) == []
    assert list(smoldot.problems_of(seen(**change), 2)) == [word]


def test_the_chain_of_the_page_is_that_of_the_peer() -> None:
    assert len(bytes.fromhex(smoldot.genesis_hash())) == 32


def test_the_page_has_smoldot_and_the_bad_clients() -> None:
    found = results.Results(work="little", machine="small")
    found.smoldots = [smoldot.SmoldotRun(70.0, result=seen()), smoldot.SmoldotRun(30.0, 1, result=seen())]
    found.bad = [bad_clients.BadClient("bare", "chromium", "v2", "wrong-certhash", result=shown())]
    text = page.markdown(found)
    assert "2 runs, 2 connected (median 60 ms), 2 finished Noise, 2 identified us, 4 pings answered" in text
    assert "2 gossip links open, 0 panics" in text
    row = next(line for line in text.splitlines() if "wrong-certhash |" in line)
    assert row.startswith("| bare (Chromium) v2 | wrong-certhash | DTLS failed")
    assert row.endswith("| 50 | 9 | ok |")
    assert found.failures() == 0
    found.bad[0].problems.append("the listener still holds {}")
    found.smoldots[1].problems.append("it panicked: unreachable")
    assert found.failures() == 2
    text = page.markdown(found)
    assert "- **bare (Chromium) v2: wrong-certhash**: the listener still holds {}" in text
    assert "- **smoldot**: it panicked: unreachable" in text
    assert "1 of 2 runs of smoldot, 0 of 1 bad clients are as expected." in text
