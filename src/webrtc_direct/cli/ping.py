"""``webrtc-direct ping``: round trips on one connection."""

from __future__ import annotations

import signal
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import click

from webrtc_direct.cli.ending import Ended
from webrtc_direct.cli.event_loop import run
from webrtc_direct.cli.failure import FAILED
from webrtc_direct.cli.output import milliseconds, quantile, show_milliseconds, socket_address, write_json
from webrtc_direct.cli.target import Target, dials, json_option
from webrtc_direct.errors import HandshakeTimeout, RemoteProtocolError, StreamClosed, StreamReset
from webrtc_direct.protocols.ping import ping_stream
from webrtc_direct.runtime.outside_tasks import clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct.connection.connection import Connection

EPILOG = """\b
Examples:
  webrtc-direct ping MULTIADDR                    # until Ctrl-C
  webrtc-direct ping MULTIADDR -c 20
  webrtc-direct ping MULTIADDR -c 1000 -i 0       # back to back
  webrtc-direct ping MULTIADDR -c 20 --json | jq .rtt_ms.p95
"""

# Of pings without end, so many round trips are kept.
MAX_SAMPLES = 1_000_000
_MAX_INTERVAL = 86400


@dataclass
class Pings:
    """What to do, and what came of it."""

    count: int | None
    """How many, or without end."""
    interval: float
    timeout: float
    done: int = 0
    lost: int = 0
    """How many of them were not answered in time."""
    answered: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))
    """The round-trip times, in seconds, in the order of the pings; the last ``MAX_SAMPLES`` of them."""

    @property
    def left(self) -> bool:
        """Whether there is another one to do."""
        return self.count is None or self.done < self.count

    def note(self, seconds: float | None) -> None:
        """Count a ping that took so long, or was lost."""
        self.done += 1
        if seconds is None:
            self.lost += 1
        else:
            self.answered.append(seconds)

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


def _interval(context: click.Context, parameter: click.Parameter, value: float) -> float:
    # A range of click's lets nan pass.
    if not 0 <= value <= _MAX_INTERVAL:
        problem = f"{value:g} is not a number of seconds from 0 to {_MAX_INTERVAL}"
        raise click.BadParameter(problem, context, parameter)
    return value


@click.command("ping", epilog=EPILOG)
@dials
@click.option(
    "-c",
    "--count",
    metavar="N",
    type=click.IntRange(1, MAX_SAMPLES),
    help="How many pings. Without it they go on until Ctrl-C.",
)
@click.option(
    "-i",
    "--interval",
    metavar="SECONDS",
    type=float,
    callback=_interval,
    default=1.0,
    show_default=True,
    help="Time between pings; 0 sends each one when the last is answered.",
)
@json_option
def ping_command(*, target: Target, count: int | None, interval: float, as_json: bool) -> int:
    """Measure round trips with /ipfs/ping/1.0.0: 32 bytes there and back, on one stream.

    A ping is lost if its answer takes longer than --timeout. The exit code is 1 if no
    ping was answered. Without -c, Ctrl-C ends it as if all pings were done.
    """
    pings = Pings(count, interval, target.timeout)
    try:
        run(_ping, target, pings, as_json)
    except Ended as ended:
        if count is not None or ended.number != signal.SIGINT or not pings.done:
            raise
        if not as_json and sys.stdout.isatty():
            # The terminal has just shown ^C.
            click.echo()
    finally:
        # Also when the connection was lost meanwhile.
        if pings.done:
            _report(pings, as_json=as_json)
    return 0 if pings.answered else FAILED


async def run_pings(connection: Connection, pings: Pings) -> AsyncIterator[float | None]:
    """Do the *pings* on *connection*, and yield each round-trip time as it is known."""
    now = clock()
    start = now()
    while pings.left:
        on_this_stream = 0
        try:
            async with ping_stream(connection) as stream:
                while pings.left:
                    await anyio.sleep_until(start + pings.done * pings.interval)
                    with anyio.fail_after(pings.timeout):
                        seconds = await stream.ping()
                    pings.note(seconds)
                    on_this_stream += 1
                    yield seconds
        except HandshakeTimeout:
            # The stream was not agreed on: that is no ping.
            raise
        except TimeoutError:
            pings.note(None)
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
                click.echo(f"{pings.done:>6}  {what}")


def _report(pings: Pings, *, as_json: bool) -> None:
    summary = pings.summary()
    if as_json:
        write_json(
            {
                "count": pings.done,
                "lost": pings.lost,
                "rtt_ms": {name: milliseconds(seconds) for name, seconds in summary.items()},
                "samples_ms": [milliseconds(seconds) for seconds in pings.answered],
            }
        )
        return
    figures = ", ".join(f"{name} {show_milliseconds(seconds)}" for name, seconds in summary.items())
    click.echo(f"{pings.done} pings, {pings.lost} lost: {figures}")
