"""Listen, dial, say hello, and print what comes back. The tests run this under every event loop."""

import asyncio

import webrtc_direct

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"


async def echo(stream: webrtc_direct.Stream) -> None:
    """Send back what arrives."""
    async for data in stream:
        await stream.write(data)


HANDLERS = {"/echo/1.0.0": echo}


async def greet(connection: webrtc_direct.Connection) -> bytes:
    """Return what comes back for a greeting."""
    async with connection.open_stream("/echo/1.0.0") as stream:
        await stream.write(b"hello")
        await stream.close_write()
        return b"".join([data async for data in stream])


async def dial_and_greet(address: str) -> bytes:
    """Do so over a new connection."""
    async with webrtc_direct.dial(address) as connection:
        return await greet(connection)


async def main() -> None:
    """Both ends in one task."""
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        print(await dial_and_greet(listener.addresses[0]))


if __name__ == "__main__":
    asyncio.run(main())
