"""``webrtc-direct echo``: random data there and back, every byte compared."""

from __future__ import annotations

import click

from webrtc_direct.cli.event_loop import run
from webrtc_direct.cli.failure import offered_by
from webrtc_direct.cli.output import megabytes_per_second, show_size, write_json
from webrtc_direct.cli.progress import progress_bar
from webrtc_direct.cli.size import size_of
from webrtc_direct.cli.target import Target, dials, json_option
from webrtc_direct.cli.transfer import compare_echo

EPILOG = """\b
Examples:
  webrtc-direct echo MULTIADDR
  webrtc-direct echo MULTIADDR --size 256MiB --streams 4
\b
Sizes: a plain integer means bytes; kB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
"""


@click.command("echo", epilog=EPILOG)
@dials
@click.option(
    "--size",
    metavar="SIZE",
    callback=size_of,
    default="1MiB",
    show_default=True,
    help="How much to send, in all.",
)
@click.option(
    "--streams",
    metavar="N",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Split it over N streams of the one connection.",
)
@json_option
def echo_command(*, target: Target, size: int, streams: int, as_json: bool) -> None:
    """Send random data to /echo/1.0.0, and compare every byte that comes back.

    The listener must serve it (`webrtc-direct listen --echo`). The exit code is 1 if a
    byte is missing or differs.
    """
    run(_echo, target, size, streams, as_json)


async def _echo(target: Target, size: int, streams: int, as_json: bool) -> None:  # noqa: FBT001 - run takes positions
    async with target.dial() as connection:
        with offered_by("--echo"), progress_bar("echo", size, wanted=not as_json) as progress:
            seconds = await compare_echo(connection, size=size, streams=streams, progress=progress)
    speed = megabytes_per_second(size, seconds)
    if as_json:
        write_json(
            {
                "bytes": size,
                "streams": streams,
                "equal": True,
                "seconds": round(seconds, 6),
                "mb_per_s": speed,
            }
        )
        return
    over = "1 stream" if streams == 1 else f"{streams} streams"
    click.echo(
        f"{show_size(size)} over {over} came back, every byte equal, in {seconds:.3f} s: {speed:.1f} MB/s"
    )
