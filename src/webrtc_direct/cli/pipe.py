"""``webrtc-direct pipe``: stdin to a stream, and the stream to stdout."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import click

from webrtc_direct.cli.event_loop import run
from webrtc_direct.cli.target import Target, dials
from webrtc_direct.runtime.tasks import task_group

if TYPE_CHECKING:
    from webrtc_direct.streams.stream import Stream

EPILOG = """\b
Examples:
  webrtc-direct pipe MULTIADDR /echo/1.0.0 < file > copy
  echo hello | webrtc-direct pipe MULTIADDR /echo/1.0.0
"""

STDIN = 0
STDOUT = 1
_BLOCK_BYTES = 256 * 1024


@click.command("pipe", epilog=EPILOG)
@dials
@click.argument("protocol")
def pipe_command(*, target: Target, protocol: str) -> None:
    """Open a stream for PROTOCOL, send it stdin, and write what comes back to stdout.

    At the end of stdin the stream is half-closed: the peer sees the end, and what it
    still sends is written to stdout. The command exits when both directions have ended.
    """
    run(_pipe, target, protocol)


async def _pipe(target: Target, protocol: str) -> None:
    async with target.dial() as connection, connection.open_stream(protocol) as stream, task_group() as tasks:
        tasks.start_soon(_send_stdin, stream)
        while data := await stream.read(_BLOCK_BYTES):
            await anyio.to_thread.run_sync(_write_all, data)


async def _send_stdin(stream: Stream) -> None:
    can_wait = _can_wait_for(STDIN)
    while True:
        if can_wait:
            # A thread that waits for a terminal or a pipe could not be stopped when the peer goes away.
            await anyio.wait_readable(STDIN)
            data = os.read(STDIN, _BLOCK_BYTES)
        else:
            data = await anyio.to_thread.run_sync(os.read, STDIN, _BLOCK_BYTES)
        if not data:
            break
        await stream.write(data)
    await stream.close_write()


def _can_wait_for(descriptor: int) -> bool:
    # A regular file is always ready, and an event loop refuses it.
    mode = os.fstat(descriptor).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor))


def _write_all(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(STDOUT, view) :]
