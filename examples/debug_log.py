"""See what happens: the log of a connection, and of a handler that fails."""

import logging
import sys

import anyio

from webrtc_direct import Stream, StreamReset, dial, listen


async def broken(stream: Stream) -> None:
    """Fail, as code with a bug does."""
    raise RuntimeError(f"a bug in the handler of {stream.protocol}")


async def main() -> None:
    """Log everything of this package to stderr, and let a handler fail."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("webrtc_direct").setLevel(logging.DEBUG)
    async with (
        listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers={"/broken/1": broken}) as listener,
        dial(listener.addresses[0]) as connection,
    ):
        try:
            async with connection.open_stream("/broken/1") as stream:
                await stream.read()
        except StreamReset as error:
            print(error)


if __name__ == "__main__":
    anyio.run(main)
