"""Limits: their defaults hang together. What each one does is tested where it is applied."""

from __future__ import annotations

import dataclasses

import pytest

from webrtc_direct.limits import Limits


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
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
