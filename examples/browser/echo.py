"""What a web page runs: `await greet(MULTIADDR)` dials an echo server, as from anywhere else."""

import webrtc_direct


async def greet(address: str) -> str:
    """Connect, ping, and return what comes back."""
    async with webrtc_direct.dial(address) as connection:
        print("connected to", connection.peer_id)
        print(f"round trip {1000 * await webrtc_direct.ping(connection):.2f} ms")
        async with connection.open_stream("/echo/1.0.0") as stream:
            await stream.write(b"hello, ")
            await stream.write(b"world")
            await stream.close_write()
            return b"".join([data async for data in stream]).decode()
