"""How long the steps of a handshake took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepTimes:
    """How long each step of a dial took, in seconds; ``None`` if it is not known."""

    address: float | None = None
    certificate: float | None = None
    ice: float | None = None
    dtls: float | None = None
    sctp: float | None = None
    noise: float | None = None
