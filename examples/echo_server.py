"""An echo server. Run it, then dial the address that it prints."""

from contextlib import suppress

import anyio

import webrtc_direct


async def echo(stream: webrtc_direct.Stream) -> None:
    """Serve one stream: returning ends it, raising resets it."""
    async for data in stream:
        await stream.write(data)


async def main() -> None:
    """Listen until Ctrl-C. Port 0 lets the system choose."""
    async with webrtc_direct.listen(
        "/ip4/127.0.0.1/udp/0/webrtc-direct", handlers={"/echo/1.0.0": echo}
    ) as listener:
        print(listener.addresses[0], flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main)
