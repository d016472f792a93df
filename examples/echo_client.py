"""Dial an echo server: `python echo_client.py MULTIADDR`. It works under asyncio and trio."""

import sys

import anyio

import webrtc_direct


async def main(address: str) -> None:
    """Connect, ping, send a greeting, and print what comes back."""
    async with webrtc_direct.dial(address) as connection:
        print("connected to", connection.peer_id)
        print(f"round trip {1000 * await webrtc_direct.ping(connection):.2f} ms")
        async with connection.open_stream("/echo/1.0.0") as stream:
            await stream.write(b"hello, ")
            await stream.write(b"world")
            await stream.close_write()
            async for data in stream:
                print(data.decode(), end="")
        print()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
