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

    redials: int = 20
    """Connections after the first one, one after the other."""
    pings: int = 20
    idle: float = 25.0
    """Longer than go-libp2p and js-libp2p keep a stream for pings on which there are none, and than smoldot
    and browsers are silent."""
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
        return cls(pings=1, timeout=60.0).without(
            ("redials", "idle", "checked", "perf", "echo", "half-close", "reset", "closing by the listener")
        )

    @classmethod
    def quick(cls) -> Work:
        """Return each step with as little as shows that it works."""
        return cls(redials=3, pings=5, idle=12.0, checked_size=4 * MIB, perf_size=4 * MIB)

    @property
    def connections(self) -> int:
        """How many there are in one run."""
        return 1 + self.redials

    def idling(self) -> Work:
        """Return the run that waits: one connection, a ping, no word for ``idle`` seconds, a ping."""
        return replace(self.least(), idle=self.idle)

    def without(self, steps: Iterable[str]) -> Work:
        """Return the same without some of ``STEPS``."""
        changes: dict[str, Any] = {}
        for step in steps:
            changes |= STEPS[step]
        return replace(self, **changes)

    def changed(self, values: dict[str, Any]) -> Work:
        """Return the same with other values of fields."""
        return replace(self, **values)

    def words(self) -> str:
        """Return what a cell does, for a person."""
        return (
            f"{self.redials} re-dials, {self.pings} pings, {self.idle:g} s of idling, {self.perf_size} bytes "
            f"each way compared and again by /perf/1.0.0, {self.echo_streams} echoes of {self.echo_size}"
        )

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


# What every cell does that connects at all.
ALWAYS = ("connect", "identify", "ping")
# What a cell can be run without, and the work that is left then.
STEPS: dict[str, dict[str, Any]] = {
    "redials": {"redials": 0},
    "idle": {"idle": 0.0},
    "checked": {"checked_size": 0},
    "perf": {"perf_size": 0},
    "echo": {"echo_size": 0},
    "half-close": {"half_close": False},
    "reset": {"reset": False},
    "closing by the listener": {"closers": ("dialer",)},
}
# The steps in words that a reader of the tables understands.
STEP_WORDS = {
    "redials": "re-dials",
    "idle": "25 s without traffic",
    "checked": "transfers both ways",
    "perf": "perf",
    "echo": "echo",
    "half-close": "half-close",
    "reset": "reset",
    "closing by the listener": "noticing the listener's close within 10 s",
}
# A peer that lacks more than these works in part.
_FEW = 3


def verdict(without: Iterable[str]) -> str:
    """Say what works of a cell that is run without some of ``STEPS``."""
    lacking = set(without)
    if not lacking:
        return "yes"
    if len(lacking) <= _FEW:
        return f"yes, except {', '.join(STEP_WORDS[step] for step in STEPS if step in lacking)}"
    works = [*ALWAYS, *(STEP_WORDS[step] for step in STEPS if step not in lacking)]
    return f"in part: {', '.join(works)}"
