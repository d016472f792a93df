"""``webrtc-direct dial``: connect, and say how long each step took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import anyio
import click

from webrtc_direct.cli.event_loop import run
from webrtc_direct.cli.output import milliseconds, show_milliseconds, write_json
from webrtc_direct.cli.target import Target, dials, json_option
from webrtc_direct.cli.timeline import CLOSING, Report, draw, width_of_stdout
from webrtc_direct.errors import ProtocolNotSupported, StreamReset
from webrtc_direct.protocols.identify import identify
from webrtc_direct.protocols.ping import ping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct.connection.connection import Connection

_Result = TypeVar("_Result")

EPILOG = """\b
Examples:
  webrtc-direct dial /ip4/192.0.2.7/udp/4001/webrtc-direct/certhash/uEi.../p2p/12D3KooW...
  webrtc-direct dial @address.txt              # the first line of a file; - is stdin
  webrtc-direct dial MULTIADDR --version v2 --timeout 3
  webrtc-direct dial MULTIADDR --json | jq .total_ms
  webrtc-direct dial MULTIADDR --count 50      # 50 connections, one after the other
"""


@click.command("dial", epilog=EPILOG)
@dials
@click.option("--count", metavar="N", type=click.IntRange(min=1), help="Dial N times, one after the other.")
@json_option
def dial_command(target: Target, count: int | None, as_json: bool) -> None:  # noqa: FBT001 - click calls it by name
    """Connect, authenticate, identify and ping, and show how long each step took.

    With --count, the steps of the median connection are shown.
    """
    run(_dial, target, count, as_json)


async def measure(connection: Connection, *, started: float, timeout: float) -> Report:
    """Return what *connection*, whose dial began at *started*, took; identify and ping it.

    A peer that does not answer within *timeout* counts as one that lacks the protocol.
    """
    total = time.perf_counter() - started
    identified, identify_seconds = await _try(identify, connection, timeout)
    round_trip, _ = await _try(ping, connection, timeout)
    return Report(
        connection=connection,
        total=total,
        identify=identify_seconds,
        ping=round_trip,
        agent=None if identified is None else identified.agent,
        protocols=() if identified is None else tuple(identified.protocols),
    )


async def _dial(target: Target, count: int | None, as_json: bool) -> None:  # noqa: FBT001 - run takes positions
    reports = []
    for _ in range(count or 1):
        started = time.perf_counter()
        async with target.dial() as connection:
            report = await measure(connection, started=started, timeout=target.timeout)
            reports.append(report)
            if not as_json and count is None:
                for line in draw(report, width_of_stdout()):
                    click.echo(line)
            closing = time.perf_counter()
        if not as_json and count is None:
            click.echo(CLOSING.format(show_milliseconds(time.perf_counter() - closing)))
        elif not as_json:
            click.echo(f"{len(reports):>5}  {show_milliseconds(report.total)}")
    median = sorted(reports, key=lambda each: each.total)[(len(reports) - 1) // 2]
    if as_json:
        write_json(_document(target, median, None if count is None else reports))
    elif count is not None:
        for line in draw(median, width_of_stdout()):
            click.echo(line)


def _document(target: Target, report: Report, reports: list[Report] | None) -> dict[str, object]:
    connection = report.connection
    document: dict[str, object] = {
        "peer_id": str(connection.peer_id),
        "address": target.address,
        "version": connection.version,
        "steps_ms": {name: milliseconds(seconds) for name, seconds in report.steps().items()},
        "total_ms": milliseconds(report.total),
        "agent": report.agent,
        "protocols": list(report.protocols),
    }
    if reports is not None:
        document["samples_ms"] = [milliseconds(each.total) for each in reports]
    return document


async def _try(
    measured: Callable[[Connection], Awaitable[_Result]], connection: Connection, timeout: float
) -> tuple[_Result | None, float | None]:
    """Return what *measured* gives and the seconds it took, or nothing from a peer that lacks it."""
    started = time.perf_counter()
    with anyio.move_on_after(timeout):
        try:
            result = await measured(connection)
        except (ProtocolNotSupported, StreamReset):
            return None, None
        return result, time.perf_counter() - started
    return None, None
