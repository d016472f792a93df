"""webrtc-direct as a dialer that looks at its connection while it transfers.

``dial MULTIADDR`` prints one JSON line when it is done. It uses the public interface of the
package alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

import anyio

import webrtc_direct

if TYPE_CHECKING:
    from webrtc_direct import Connection

_UNLOADED_PINGS = 20
# Pings beside a transfer begin when it has filled what it fills: those before would be too many.
_SETTLED_SECONDS = 1.5
# A ping follows the one before it after so many seconds, or when that is answered.
_PING_SECONDS = 0.02
_LOOK_SECONDS = 0.02


def main() -> int:
    """Do what the command line asks for and return the exit code."""
    options = _parse()
    problems: list[BaseException] = []
    try:
        anyio.run(_dial, options)
    except* (webrtc_direct.WebRtcDirectError, OSError) as group:
        problems += group.exceptions
    if problems:
        print("error:", "; ".join(map(repr, problems)), file=sys.stderr)
    return 1 if problems else 0


async def _dial(options: argparse.Namespace) -> None:
    unloaded: list[float] = []
    beside: list[float] = []
    windows: list[tuple[float, int]] = []
    with anyio.fail_after(options.timeout):
        async with webrtc_direct.dial(options.address) as connection:
            await webrtc_direct.identify(connection)
            if options.pings:
                await _ping(connection, unloaded, count=_UNLOADED_PINGS)
            started = time.monotonic()
            async with anyio.create_task_group() as tasks:
                if options.pings:
                    tasks.start_soon(_ping_beside, connection, beside)
                tasks.start_soon(_look, connection, windows)
                if options.seconds:
                    await anyio.sleep(options.seconds)
                else:
                    upload, download = options.perf_upload, options.perf_download
                    await webrtc_direct.perf(connection, upload=upload, download=download)
                ended = time.monotonic()
                tasks.cancel_scope.cancel()
    _emit(
        event="result",
        started=started,
        seconds=ended - started,
        unloaded_ping_ms=unloaded,
        ping_ms=beside,
        windows=windows,
    )


async def _ping(connection: Connection, samples: list[float], count: int = sys.maxsize) -> None:
    async with webrtc_direct.ping_stream(connection) as pings:
        for _ in range(count):
            seconds = await pings.ping()
            samples.append(round(1000 * seconds, 3))
            await anyio.sleep(max(0.0, _PING_SECONDS - seconds))


async def _ping_beside(connection: Connection, samples: list[float]) -> None:
    await anyio.sleep(_SETTLED_SECONDS)
    await _ping(connection, samples)


async def _look(connection: Connection, windows: list[tuple[float, int]]) -> None:
    """Note the congestion window, by the monotonic clock."""
    while True:
        windows.append((time.monotonic(), connection.stats().congestion_window))
        await anyio.sleep(_LOOK_SECONDS)


def _emit(**event: object) -> None:
    print(json.dumps(event), flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    dial = commands.add_parser("dial")
    dial.add_argument("address", metavar="MULTIADDR")
    dial.add_argument("--perf-upload", type=int, default=0, metavar="BYTES")
    dial.add_argument("--perf-download", type=int, default=0, metavar="BYTES")
    dial.add_argument("--pings", action="store_true", help="ping before the transfer, and beside it")
    dial.add_argument(
        "--seconds", type=float, default=0.0, help="no transfer: only what is beside, for so long"
    )
    dial.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="for all of it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
