"""Limits: their defaults hang together. What each one does is tested where it is applied."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from webrtc_direct.bounds.limits import Limits

ROOT = Path(__file__).parents[2]
NAMES = [field.name for field in dataclasses.fields(Limits)]
# What the engine calls them.
ENGINE_NAMES = {"max_channel_label": "max_text"}


@pytest.fixture(scope="module")
def moved() -> str:
    """The text of the tests that set limits to other values."""
    python = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    rust = [*(ROOT / "rust/engine/tests").rglob("*.rs"), ROOT / "rust/engine/src/dcep.rs"]
    return "\n".join(path.read_text() for path in python + rust)


@pytest.mark.parametrize("name", NAMES)
def test_a_test_moves_every_limit(name: str, moved: str) -> None:
    engine = ENGINE_NAMES.get(name, name)
    assert re.search(rf"\b{name}=|\b{engine}: ", moved)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_bound_that_lets_nothing_pass_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: value})  # type: ignore[arg-type]


def test_limits_are_values() -> None:
    assert Limits(max_channels=5) == Limits(max_channels=5) != Limits()
    assert hash(Limits()) == hash(Limits())


def test_consent_is_renewed_well_before_the_strictest_peer_gives_up() -> None:
    # litep2p: 15 s without a check.
    assert Limits().consent_interval * 2 < 15
    assert Limits().consent_interval * 2 < Limits().silence_timeout


def test_received_frame_may_be_what_real_peers_send() -> None:
    # litep2p: 16391 bytes.
    assert Limits().max_received_frame >= 16391
    assert Limits().receive_window >= 16 * Limits().max_received_frame
