"""``webrtc-direct demo``: a listener in a second process, and everything this one does with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from webrtc_direct.cli.dial import measure
from webrtc_direct.cli.event_loop import run
from webrtc_direct.cli.failure import Failure
from webrtc_direct.cli.output import megabytes_per_second, show_milliseconds, show_size
from webrtc_direct.cli.ping import Pings, run_pings
from webrtc_direct.cli.progress import progress_bar
from webrtc_direct.cli.size import size_of
from webrtc_direct.cli.target import DEFAULT_TIMEOUT, Target
from webrtc_direct.cli.timeline import CLOSING, draw, fold, width_of_stdout
from webrtc_direct.cli.transfer import compare_echo, transfer
from webrtc_direct.platform import default_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webrtc_direct.connection.connection import Connection

LISTEN = ("listen", "/ip4/127.0.0.1/udp/0/webrtc-direct", "--echo", "--perf", "--json")
PINGS = 5
STREAMS = 4
# The listener has so long to close its connections after SIGTERM.
GRACE_SECONDS = 10


@click.command("demo")
@click.option(
    "--size",
    metavar="SIZE",
    callback=size_of,
    default="64MiB",
    show_default=True,
    help="How much data to move each way.",
)
def demo_command(*, size: int) -> None:
    """Start a listener in a second process, dial it, ping it, and move data both ways.

    Every byte of the echo is compared. If everything works, the last line says OK;
    otherwise the command fails.
    """
    with _listener() as address:
        run(_demo, address, size)
    click.secho("OK: both processes ended cleanly", fg="green")


async def _demo(address: str, size: int) -> None:
    click.echo(f"A second process listens on\n  {address}\n")
    target = Target(address, "auto", DEFAULT_TIMEOUT, None, any_peer=False, platform=default_platform())
    started = time.perf_counter()
    async with target.dial() as connection:
        report = await measure(connection, started=started, timeout=DEFAULT_TIMEOUT)
        for line in draw(report, width_of_stdout()):
            click.echo(line)
        click.echo()
        await _ping(connection)
        await _move(connection, size)
        closing = time.perf_counter()
    click.echo()
    click.echo(CLOSING.format(show_milliseconds(time.perf_counter() - closing)))


async def _ping(connection: Connection) -> None:
    pings = Pings(PINGS, 0.0, DEFAULT_TIMEOUT)
    async for _ in run_pings(connection, pings):
        pass
    if pings.lost:
        raise Failure(f"{pings.lost} of {PINGS} pings were lost")
    _say(f"ping      {', '.join(show_milliseconds(seconds) for seconds in pings.answered)}")


async def _move(connection: Connection, size: int) -> None:
    with progress_bar("echo", size) as progress:
        seconds = await compare_echo(connection, size=size, streams=STREAMS, progress=progress)
    _say(_speed("echo", size, seconds) + f", over {STREAMS} streams, every byte compared")
    for direction in ("upload", "download"):
        with progress_bar(direction, size) as progress:
            seconds = await transfer(connection, direction, size=size, streams=1, progress=progress)
        _say(_speed(direction, size, seconds))


def _say(line: str) -> None:
    for part in fold(line, width_of_stdout(), indent=10):
        click.echo(part)


def _speed(what: str, size: int, seconds: float) -> str:
    return f"{what:<9} {show_size(size)} in {seconds:.2f} s: {megabytes_per_second(size, seconds):.0f} MB/s"


@contextmanager
def _listener() -> Iterator[str]:
    """Run a listener in a second process, and give its address."""
    command = [sys.executable, "-m", "webrtc_direct.cli", *LISTEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address_of(process)
            process.terminate()
            code = process.wait(GRACE_SECONDS)
        except BaseException:
            process.kill()
            raise
    if code != 0:
        raise Failure(f"the listener ended with exit code {code}")


def _address_of(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise Failure("the listener did not start")
    address: str = json.loads(line)["addresses"][0]
    return address
