"""How much each part does."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Work:
    """Sizes are bytes, times are seconds."""

    transfer: int = 64 * MIB
    transfer_seconds: float = 2400.0
    """After which it is ended. At 20 % loss our sender takes a quarter of an hour to ours, and an hour to go;
    go's would take some five hours, to go as to ours."""
    short_blackout: float = 8.0
    long_blackout: float = 45.0
    slow_seconds: float = 60.0
    slow_rate: float = 4e6
    """Bytes per second that a slow reader takes, of all its streams together."""
    many_streams: int = 100
    flood_seconds: float = 8.0
    warm_seconds: float = 3.0
    counted_flood_seconds: float = 5.0
    """A flood at a rate at which no datagram of either side is lost, so that the count is exact."""
    linger_seconds: float = 12.0
    seeds: int = 1500
    """Of each network that the engine's own test knows; each is a connection."""
    large_seeds: int = 2
    """Further ones, with a transfer of 64 MiB."""

    long_faults: bool = True
    idle_connections: int = 10_000
    idle_seconds: float = 300.0
    soak_minutes: float = 30.0

    @classmethod
    def quick(cls) -> Work:
        """Return enough to see that everything works; the numbers mean little."""
        return cls(
            transfer=4 * MIB,
            transfer_seconds=240.0,
            short_blackout=3.0,
            slow_seconds=5.0,
            flood_seconds=2.0,
            warm_seconds=1.0,
            counted_flood_seconds=1.0,
            linger_seconds=3.0,
            seeds=20,
            large_seeds=1,
            long_faults=False,
            idle_connections=200,
            idle_seconds=5.0,
            soak_minutes=1.0,
        )
