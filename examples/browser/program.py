"""What the page runs: Python in a browser dials Python on a server. Nothing here knows where it runs."""

from typing import Any

import webrtc_direct

STEPS = ("address", "certificate", "ice", "dtls", "sctp", "noise")
PINGS = 60
MEBIBYTE = 1 << 20


async def greet(address: str) -> str:
    """Connect, and return what an echo server sends back."""
    async with (
        webrtc_direct.dial(address) as connection,
        connection.open_stream("/echo/1.0.0") as stream,
    ):
        await stream.write(b"hello, ")
        await stream.write(b"world")
        await stream.close_write()
        return b"".join([data async for data in stream]).decode()


async def show(address: str, version: Any, mebibytes: int, page: Any) -> None:
    """Connect, ping, move data each way, and let *page* show it."""
    async with webrtc_direct.dial(address, version=version) as connection:
        page.connected(str(connection.peer_id), connection.version)
        for step in STEPS:
            page.step(step, getattr(connection.times, step))
        async with webrtc_direct.ping_stream(connection) as pings:
            for _ in range(PINGS):
                page.ping(await pings.ping())
        size = mebibytes * MEBIBYTE
        moved = await webrtc_direct.perf(connection, upload=size, download=size, progress=page.moved)
        page.done("upload", moved.upload_seconds)
        page.done("download", moved.download_seconds)
