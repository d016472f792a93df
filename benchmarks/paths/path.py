"""The paths: what the relay does to packets each way, and what that leaves at best."""

from __future__ import annotations

from dataclasses import dataclass

# What an Ethernet carries.
MTU = 1500
_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way of it; the other is the same. Losses are percent, a missing rate is none."""

    name: str
    delay_ms: float = 0.0
    rate_mbit: float | None = None
    queue_ms: float = 0.0
    """How long a packet waits at most for the bottleneck."""
    loss: float = 0.0
    burst_loss: float = 0.0
    burst_length: float = 1.0
    jitter_ms: float = 0.0
    """Up to which a packet takes longer; others overtake it then."""
    size: int = 10_000_000
    """The bytes of a transfer."""
    limit: float = 30.0
    """After so many seconds a transfer is given up."""
    is_extra: bool = False
    """It is for ours and the reference alone."""

    @property
    def round_trip_seconds(self) -> float:
        """The round trip of a small packet while nothing else is on its way."""
        return (2 * self.delay_ms + self.jitter_ms) / 1000

    @property
    def capacity(self) -> float | None:
        """The rate in MB/s, headers of all layers included."""
        return None if self.rate_mbit is None else self.rate_mbit / 8

    def options(self) -> list[str]:
        """Return it as options of the relay."""
        numbers = {
            "--delay-ms": self.delay_ms,
            "--rate-mbit": self.rate_mbit,
            "--queue-ms": self.queue_ms if self.rate_mbit is not None else None,
            "--loss": self.loss or None,
            "--burst-loss": self.burst_loss or None,
            "--burst-length": self.burst_length if self.burst_loss else None,
            "--jitter-ms": self.jitter_ms or None,
            "--mtu": MTU,
        }
        given = ((name, number) for name, number in numbers.items() if number is not None)
        return [word for name, number in given for word in (name, f"{number:g}")]

    def words(self) -> str:
        """Return it for a reader: one way."""
        parts = [f"{self.delay_ms:g} ms"]
        if self.rate_mbit is not None:
            parts += [f"{self.rate_mbit:g} Mbit/s", f"queue of {self.queue_ms:g} ms"]
        if self.loss:
            parts.append(f"{self.loss:g} % lost")
        if self.burst_loss:
            parts.append(f"{self.burst_loss:g} % lost in bursts of {self.burst_length:g}")
        if self.jitter_ms:
            parts.append(f"up to {self.jitter_ms:g} ms more")
        return ", ".join(parts)


PATHS: dict[str, Path] = {
    path.name: path
    for path in (
        Path(name="home", delay_ms=10, rate_mbit=100, queue_ms=50),
        Path(name="far", delay_ms=50, rate_mbit=100, queue_ms=100),
        Path(name="thin", delay_ms=25, rate_mbit=10, queue_ms=100),
        Path(name="shallow", delay_ms=25, rate_mbit=100, queue_ms=10),
        Path(name="lossy", delay_ms=25, rate_mbit=100, queue_ms=100, loss=0.1),
        Path(name="bad", delay_ms=25, rate_mbit=100, queue_ms=100, loss=1),
        Path(name="awful", delay_ms=25, rate_mbit=50, queue_ms=100, loss=5),
        Path(name="wifi", delay_ms=5, rate_mbit=50, queue_ms=100, loss=0.5, jitter_ms=4),
        Path(name="satellite", delay_ms=300, rate_mbit=20, queue_ms=300, loss=0.5),
        Path(
            name="bursts",
            delay_ms=25,
            rate_mbit=100,
            queue_ms=100,
            burst_loss=0.5,
            burst_length=8,
            is_extra=True,
        ),
        Path(name="storm", delay_ms=25, loss=20, size=64 * _MIB, limit=300, is_extra=True),
        Path(name="jitter", jitter_ms=2, size=128 * _MIB, limit=120, is_extra=True),
    )
}
