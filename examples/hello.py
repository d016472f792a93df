"""Both ends of a connection in one program: say hello, and print what comes back."""

import anyio

from webrtc_direct import dial, echo_handler, listen

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"


async def main() -> None:
    """Listen, dial, and send a greeting to the listener's echo."""
    async with listen(ADDRESS, handlers={"/echo/1.0.0": echo_handler}) as listener:
        async with dial(listener.addresses[0]) as connection, connection.open_stream("/echo/1.0.0") as stream:
            await stream.write(b"hello")
            print(await stream.read_exactly(5))


if __name__ == "__main__":
    anyio.run(main)
