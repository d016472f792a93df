"""``webrtc-direct ping``: round trips on one connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import click

from webrtc_direct.cli.event_loop import run
from webrtc_direct.cli.failure import FAILED
from webrtc_direct.cli.output import milliseconds, quantile, show_milliseconds, socket_address, write_json
from webrtc_direct.cli.target import Target, dials, json_option
from webrtc_direct.errors import HandshakeTimeout, RemoteProtocolError, StreamClosed, StreamReset
from webrtc_direct.outside_tasks import clock
from webrtc_direct.protocols.ping import ping_stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct.connection import Connection

EPILOG = """\b
Examples:
  webrtc-direct ping MULTIADDR -c 20
  webrtc-direct ping MULTIADDR -c 1000 -i 0       # back to back
  webrtc-direct ping MULTIADDR --json | jq .rtt_ms.p95
"""


@dataclass
class Pings:
    """What to do, and what came of it; a lost ping is a ``None`` among the *samples*."""

    count: int
    interval: float
    timeout: float
    samples: list[float | None] = field(default_factory=list)

    @property
    def answered(self) -> list[float]:
        """The round-trip times, in seconds, in the order of the pings."""
        return [sample for sample in self.samples if sample is not None]

    @property
    def lost(self) -> int:
        """How many pings were not answered in time."""
        return self.samples.count(None)

    def summary(self) -> dict[str, float | None]:
        """Return min, p50, p95 and max in seconds; each ``None`` when nothing was answered."""
        answered = self.answered
        if not answered:
            return dict.fromkeys(("min", "p50", "p95", "max"))
        return {
            "min": min(answered),
            "p50": quantile(answered, 0.50),
            "p95": quantile(answered, 0.95),
            "max": max(answered),
        }


@click.command("ping", epilog=EPILOG)
@dials
@click.option(
    "-c", "--count", type=click.IntRange(min=1), default=10, show_default=True, help="How many pings."
)
@click.option(
    "-i",
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0, max=86400),
    default=1.0,
    show_default=True,
    help="Time between pings; 0 sends each one when the last is answered.",
)
@json_option
def ping_command(*, target: Target, count: int, interval: float, as_json: bool) -> int:
    """Measure round trips with /ipfs/ping/1.0.0: 32 bytes there and back, on one stream.

    A ping is lost if its answer takes longer than --timeout. The exit code is 1 if no
    ping was answered.
    """
    pings = Pings(count, interval, target.timeout)
    try:
        run(_ping, target, pings, as_json)
    finally:
        # Also after Ctrl-C, and when the connection was lost meanwhile.
        if pings.samples:
            _report(pings, as_json=as_json)
    return 0 if pings.answered else FAILED


async def run_pings(connection: Connection, pings: Pings) -> AsyncIterator[float | None]:
    """Do the *pings* on *connection*, and yield each round-trip time as it is known."""
    now = clock()
    start = now()
    while len(pings.samples) < pings.count:
        on_this_stream = 0
        try:
            async with ping_stream(connection) as stream:
                while len(pings.samples) < pings.count:
                    await anyio.sleep_until(start + len(pings.samples) * pings.interval)
                    with anyio.fail_after(pings.timeout):
                        pings.samples.append(await stream.ping())
                    on_this_stream += 1
                    yield pings.samples[-1]
        except HandshakeTimeout:
            # The stream was not agreed on: that is no ping.
            raise
        except TimeoutError:
            pings.samples.append(None)
            yield None
        except (StreamReset, StreamClosed, RemoteProtocolError):
            # Some peers end a ping stream that was idle for 10 s: that is no lost ping, a new stream goes on.
            if not on_this_stream:
                raise


async def _ping(target: Target, pings: Pings, as_json: bool) -> None:  # noqa: FBT001 - run takes positions
    async with target.dial() as connection:
        if not as_json:
            where = socket_address(connection.remote)
            click.echo(f"ping {connection.peer_id} at {where}, {connection.version}")
        async for seconds in run_pings(connection, pings):
            if not as_json:
                what = "no answer in time" if seconds is None else show_milliseconds(seconds)
                click.echo(f"{len(pings.samples):>6}  {what}")


def _report(pings: Pings, *, as_json: bool) -> None:
    summary = pings.summary()
    if as_json:
        write_json(
            {
                "count": len(pings.samples),
                "lost": pings.lost,
                "rtt_ms": {name: milliseconds(seconds) for name, seconds in summary.items()},
                "samples_ms": [milliseconds(seconds) for seconds in pings.answered],
            }
        )
        return
    figures = ", ".join(f"{name} {show_milliseconds(seconds)}" for name, seconds in summary.items())
    click.echo(f"{len(pings.samples)} pings, {pings.lost} lost: {figures}")
