"""A signal's handler ends the connection: it runs outside any task."""

import asyncio
import os
import signal

from hello import ADDRESS, HANDLERS, greet

import webrtc_direct


async def main() -> None:
    """Greet, then abort by a signal while a read waits."""
    async with (
        webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener,
        webrtc_direct.dial(listener.addresses[0]) as connection,
    ):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, connection.abort)
        greeting = await greet(connection)
        stream = await connection.open_stream("/echo/1.0.0")
        loop.call_later(0.1, os.kill, os.getpid(), signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await stream.read()
        except webrtc_direct.ConnectionLost:
            print(greeting)


if __name__ == "__main__":
    asyncio.run(main())
