"""Pings and transfers of ``python_peer.py``, and what it serves for them."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Any

import anyio
from content import Content, WrongContent

import webrtc_direct

if TYPE_CHECKING:
    from webrtc_direct import Connection, Stream

ECHO_PROTOCOL = "/echo/1.0.0"
PERF_PROTOCOL = "/perf/1.0.0"
CHECKED_PROTOCOL = "/interop/checked/1.0.0"
CHECKED_OK = b"\x01"
# Bytes of the upload, bytes of the download, seed.
CHECKED_HEADER = struct.Struct(">QQQ")

UPLOAD, DOWNLOAD, ECHO = b"u", b"d", b"e"
SEED = 1

Transfer = dict[str, Any]


async def serve_checked(stream: Stream) -> None:
    """Compare what comes and send what is asked for."""
    header = await stream.read_exactly(CHECKED_HEADER.size)
    upload, download, seed = CHECKED_HEADER.unpack(header)
    try:
        await Content(seed, UPLOAD).receive(stream, upload)
    except WrongContent:
        # A go-libp2p client hangs when its stream is reset in the middle of an upload.
        async for _ in stream:
            pass
        raise
    await stream.write(CHECKED_OK)
    await Content(seed, DOWNLOAD).send(stream, download)


async def ping(connection: Connection, count: int) -> list[float]:
    """Return the milliseconds of *count* pings, back to back on one stream."""
    async with webrtc_direct.ping_stream(connection) as pings:
        return [round(1000 * await pings.ping(), 3) for _ in range(count)]


async def checked(connection: Connection, *, upload: int = 0, download: int = 0) -> Transfer:
    """Move known bytes, each of which the other end compares."""
    up, down = Content(SEED, UPLOAD), Content(SEED, DOWNLOAD)
    started = time.perf_counter()
    async with connection.open_stream(CHECKED_PROTOCOL) as stream:
        await stream.write(CHECKED_HEADER.pack(upload, download, SEED))
        await up.send(stream, upload)
        await stream.close_write()
        answer = await stream.read_exactly(len(CHECKED_OK))
        if answer != CHECKED_OK:
            raise WrongContent(f"the peer answered {answer!r}")
        await down.receive(stream, download)
        return transfer_of(upload + download, started, compared=True)


async def perf(connection: Connection, *, upload: int = 0, download: int = 0) -> Transfer:
    """Move bytes that are counted."""
    started = time.perf_counter()
    await webrtc_direct.perf(connection, upload=upload, download=download)
    return transfer_of(upload + download, started, compared=False)


async def echo(connection: Connection, size: int, streams: int) -> Transfer:
    """Send *size* bytes on each of the *streams* at once and compare what comes back."""
    contents = [Content(seed, ECHO) for seed in range(streams)]
    started = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for content in contents:
            tasks.start_soon(echo_stream, connection, content, size)
    return transfer_of(size * streams, started, streams=streams, compared=True)


async def echo_stream(connection: Connection, content: Content, size: int) -> None:
    """Send *size* bytes on a stream of its own, and compare what comes back. Raises WrongContent."""

    async def send() -> None:
        await content.send(stream, size)
        await stream.close_write()

    async with connection.open_stream(ECHO_PROTOCOL) as stream, anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await content.receive(stream, size)


def transfer_of(size: int, started: float, *, streams: int = 1, compared: bool) -> Transfer:
    """Return what is told of a transfer of *size* bytes that has just ended."""
    seconds = time.perf_counter() - started
    return {
        "bytes": size,
        "seconds": seconds,
        "mb_per_s": size / 1e6 / seconds,
        "streams": streams,
        "compared": compared,
    }
