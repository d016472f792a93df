"""``webrtc-direct perf``: measure the speed in each direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from webrtc_direct.cli.event_loop import run
from webrtc_direct.cli.failure import offered_by
from webrtc_direct.cli.output import megabytes_per_second, show_size, write_json
from webrtc_direct.cli.progress import progress_bar
from webrtc_direct.cli.size import size_of
from webrtc_direct.cli.target import Target, dials, json_option
from webrtc_direct.cli.transfer import transfer

if TYPE_CHECKING:
    from collections.abc import Mapping

EPILOG = """\b
Examples:
  webrtc-direct perf MULTIADDR --upload 256MB --download 256MB
  webrtc-direct perf MULTIADDR --download 1GiB --streams 8
  webrtc-direct perf MULTIADDR --upload 64MiB --json | jq .upload.mb_per_s
\b
Sizes: a plain integer means bytes; kB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
"""

Direction = Literal["upload", "download"]
DEFAULT_SIZE = 100_000_000


@click.command("perf", epilog=EPILOG)
@dials
@click.option("--upload", metavar="SIZE", callback=size_of, help="Send this much.")
@click.option("--download", metavar="SIZE", callback=size_of, help="Let the peer send this much.")
@click.option(
    "--streams",
    metavar="N",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Split each transfer over N streams at once.",
)
@json_option
def perf_command(
    *, target: Target, upload: int | None, download: int | None, streams: int, as_json: bool
) -> None:
    """Measure the speed of an upload, then of a download, with /perf/1.0.0.

    The listener must serve it (`webrtc-direct listen --perf`). Without --upload and
    --download, 100 MB are sent each way. A MB is 10^6 bytes.
    """
    sizes: dict[Direction, int] = {}
    if upload is None and download is None:
        sizes = {"upload": DEFAULT_SIZE, "download": DEFAULT_SIZE}
    if upload is not None:
        sizes["upload"] = upload
    if download is not None:
        sizes["download"] = download
    run(_perf, target, sizes, streams, as_json)


async def _perf(
    target: Target,
    sizes: Mapping[Direction, int],
    streams: int,
    as_json: bool,  # noqa: FBT001 - run takes positions
) -> None:
    document: dict[str, object] = {}
    async with target.dial() as connection:
        for direction, size in sizes.items():
            with offered_by("--perf"), progress_bar(direction, size, wanted=not as_json) as progress:
                seconds = await transfer(connection, direction, size=size, streams=streams, progress=progress)
            speed = megabytes_per_second(size, seconds)
            document[direction] = {"bytes": size, "seconds": round(seconds, 6), "mb_per_s": speed}
            if not as_json:
                click.echo(f"{direction:<8} {show_size(size):>8} in {seconds:.3f} s: {speed:.1f} MB/s")
    if as_json:
        write_json(document | {"streams": streams})
