"""webrtc-direct as the client of a measurement: a program of its own, so that its CPU and memory are its own.

``dial MULTIADDR`` and one of the options; it prints one JSON line when that is done. It uses
the public interface of the package alone, and knows nothing of what is at the other end.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from content import Content, WrongContent
from python_transfers import echo_stream

import webrtc_direct

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct import Connection

# Dials that are in the air at once while many connections are opened to be held.
DIALS_AT_ONCE = 8


def main() -> int:
    """Do what the command line asks for and return the exit code."""
    options = _parse()
    problems: list[BaseException] = []
    try:
        anyio.run(_dial, options)
    except* (webrtc_direct.WebRtcDirectError, WrongContent, OSError) as group:
        problems += group.exceptions
    if problems:
        print("error:", "; ".join(map(repr, problems)), file=sys.stderr)
    return 1 if problems else 0


async def _dial(options: argparse.Namespace) -> None:
    with anyio.fail_after(options.timeout):
        if options.hold:
            await _hold(options.address, options.hold)
        elif options.crowd:
            await _crowd(options.address, options.crowd, size=options.echo_size, streams=options.echo_streams)
        else:
            await _perf(options)


async def _perf(options: argparse.Namespace) -> None:
    async with webrtc_direct.dial(options.address) as connection:
        await webrtc_direct.identify(connection)
        cpu, started = _cpu_seconds(), time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for _ in range(options.perf_streams):
                tasks.start_soon(_perf_stream, connection, options.perf_upload, options.perf_download)
        seconds, cpu = time.perf_counter() - started, _cpu_seconds() - cpu
    moved = (options.perf_upload + options.perf_download) * options.perf_streams
    _emit(event="result", bytes=moved, seconds=seconds, cpu_seconds=cpu)


async def _perf_stream(connection: Connection, upload: int, download: int) -> None:
    await webrtc_direct.perf(connection, upload=upload, download=download)


async def _hold(address: str, count: int) -> None:
    """Keep *count* connections, idle, until stdin ends."""
    async with _connections(address, count, dials_at_once=DIALS_AT_ONCE):
        _emit(event="holding", connections=count)
        await anyio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)


async def _crowd(address: str, count: int, *, size: int, streams: int) -> None:
    """Open *count* connections at once, then echo *size* bytes on each of their *streams* at once."""
    contents = [
        [Content(streams * index + stream, b"e") for stream in range(streams)] for index in range(count)
    ]
    started = time.perf_counter()
    async with _connections(address, count, dials_at_once=count) as connections:
        connected = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for connection, of_connection in zip(connections, contents, strict=True):
                for content in of_connection:
                    tasks.start_soon(echo_stream, connection, content, size)
        echoed = time.perf_counter()
    _emit(
        event="result",
        connections=count,
        bytes=count * streams * size,
        connect_seconds=connected - started,
        seconds=echoed - connected,
    )


@asynccontextmanager
async def _connections(address: str, count: int, *, dials_at_once: int) -> AsyncIterator[list[Connection]]:
    """Open *count* connections, each with an identity of its own, and close them all at once."""
    opened: list[Connection] = []
    all_open, closing = anyio.Event(), anyio.Event()
    dials = anyio.Semaphore(dials_at_once)

    async def keep() -> None:
        async with AsyncExitStack() as stack:
            async with dials:
                opened.append(await stack.enter_async_context(webrtc_direct.dial(address)))
            if len(opened) == count:
                all_open.set()
            await closing.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(keep)
        await all_open.wait()
        yield opened
        closing.set()


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _emit(**event: object) -> None:
    print(json.dumps(event), flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    dial = commands.add_parser("dial")
    dial.add_argument("address", metavar="MULTIADDR")
    dial.add_argument("--perf-upload", type=int, default=0, metavar="BYTES", help="on each stream")
    dial.add_argument("--perf-download", type=int, default=0, metavar="BYTES", help="on each stream")
    dial.add_argument("--perf-streams", type=int, default=1, metavar="N", help="at once")
    dial.add_argument("--hold", type=int, default=0, metavar="N", help="idle connections until stdin ends")
    dial.add_argument("--crowd", type=int, default=0, metavar="N", help="connections at once that echo")
    dial.add_argument("--echo-size", type=int, default=0, metavar="BYTES", help="on each stream of a crowd")
    dial.add_argument(
        "--echo-streams", type=int, default=1, metavar="N", help="of each connection of a crowd"
    )
    dial.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="for all of it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
