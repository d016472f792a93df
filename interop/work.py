"""How much a cell does, and which options of ``dial`` that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MIB = 1 << 20

# In the words of the results: what has every byte compared, and what is counted only.
COMPARED = ("upload", "download", "echo")
COUNTED = ("perf_upload", "perf_download")


@dataclass(frozen=True, kw_only=True)
class Work:
    """Sizes are bytes, times are seconds."""

    connections: int = 10
    pings: int = 20
    idle: float = 12.0
    """Longer than go-libp2p and js-libp2p keep a stream for pings on which there are none."""
    checked_size: int = 32 * MIB
    perf_size: int = 32 * MIB
    echo_size: int = MIB
    echo_streams: int = 4
    half_close: bool = True
    reset: bool = True
    closers: tuple[str, ...] = ("dialer", "listener")
    """Who closes the connection; the cell runs once for each."""
    timeout: float = 180.0

    @classmethod
    def least(cls) -> Work:
        """Return what shows whether there can be a connection at all."""
        return cls(connections=1, pings=1, timeout=60.0, closers=("dialer",)).without(
            ("idle", "checked", "perf", "echo", "half-close", "reset")
        )

    def without(self, steps: Iterable[str]) -> Work:
        """Return the same without some of ``STEPS``."""
        changes: dict[str, Any] = {}
        for step in steps:
            changes |= STEPS[step]
        return replace(self, **changes)

    def options(self, closer: str) -> list[str]:
        """Return it as options of ``dial``."""
        numbers = {
            "--count": self.connections,
            "--pings": self.pings,
            "--idle": self.idle,
            "--upload": self.checked_size,
            "--download": self.checked_size,
            "--perf-upload": self.perf_size,
            "--perf-download": self.perf_size,
            "--echo-size": self.echo_size,
        }
        options = [
            f"{name}={number:g}" if name == "--idle" else f"{name}={number}"
            for name, number in numbers.items()
            if number
        ]
        if self.echo_size:
            options.append(f"--echo-streams={self.echo_streams}")
        options += ["--half-close"] * self.half_close + ["--reset"] * self.reset
        return [*options, f"--close={closer}"]

    def sizes(self) -> dict[str, int]:
        """Return how many bytes each transfer of the result has moved in one direction; 0: not asked for."""
        return {
            "upload": self.checked_size,
            "download": self.checked_size,
            "perf_upload": self.perf_size,
            "perf_download": self.perf_size,
            "echo": self.echo_size * self.echo_streams,
        }


# What a cell can be run without, and the work that is left then.
STEPS: dict[str, dict[str, Any]] = {
    "redials": {"connections": 1},
    "idle": {"idle": 0.0},
    "checked": {"checked_size": 0},
    "perf": {"perf_size": 0},
    "echo": {"echo_size": 0},
    "half-close": {"half_close": False},
    "reset": {"reset": False},
    "closing by the listener": {"closers": ("dialer",)},
}
