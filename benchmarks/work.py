"""How much each measurement does."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Work:
    """The sizes and counts of a run. Sizes are bytes."""

    runs: int = 5
    transfer_size: int = 128 * _MIB
    dials: int = 50
    pings: int = 1000
    idle_connections: int = 200
    crowd_connections: int = 50
    crowd_streams: int = 4
    crowd_size: int = _MIB

    @classmethod
    def quick(cls) -> Work:
        """Return enough to see that everything works; the numbers mean little."""
        return cls(
            runs=1, transfer_size=32 * _MIB, dials=10, pings=100, idle_connections=20, crowd_connections=10
        )
