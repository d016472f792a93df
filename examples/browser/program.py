"""Python in a browser dials Python on a server.

Nothing here knows that it runs in a browser. `page` has the panels
that show what happens, and the buttons that say what comes next.
"""

from dataclasses import asdict
from typing import Any

import webrtc_direct


async def show(address: str, version: Any, page: Any) -> None:
    """Dial, then do what the buttons ask for until one says close."""
    async with webrtc_direct.dial(address, version=version) as connection:
        for step, seconds in asdict(connection.times).items():
            page.step(step, seconds)
        page.connected(
            connection.version,
            str(connection.peer_id),
            str(connection.local.identity.peer_id),
        )
        page.greeted(await greet(connection))
        async with webrtc_direct.ping_stream(connection) as pings:
            while (wish := await page.wish()) != "close":
                if wish == "ping":
                    page.ping(await pings.ping())
                else:
                    await transfer(connection, page.size, page)


async def greet(connection: webrtc_direct.Connection) -> str:
    """Return what an echo server sends back."""
    async with connection.open_stream("/echo/1.0.0") as stream:
        await stream.write(b"hello, ")
        await stream.write(b"world")
        await stream.close_write()
        return b"".join([data async for data in stream]).decode()


async def transfer(
    connection: webrtc_direct.Connection,
    size: int,
    page: Any,
) -> None:
    """Send *size* bytes, then receive *size* bytes."""
    for up, down in ((size, 0), (0, size)):
        moved = await webrtc_direct.perf(
            connection,
            upload=up,
            download=down,
            progress=page.moved,
        )
        page.transferred(moved.upload_seconds, moved.download_seconds)
