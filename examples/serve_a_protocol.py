"""A protocol of your own: a request and an answer. Both ends run in this one program."""

import anyio

from webrtc_direct import Connection, Stream, dial, listen

UPPER = "/example/upper/1.0.0"
MAX_REQUEST = 1024


async def upper(stream: Stream) -> None:
    """Answer with the request in capitals. A request that is too long resets the stream."""
    request = b""
    async for data in stream:
        if len(request := request + data) > MAX_REQUEST:
            raise ValueError("the request is too long")
    await stream.write(request.upper())


async def ask(connection: Connection, request: bytes) -> bytes:
    """Send a request, close the writing half, and read the whole answer."""
    async with connection.open_stream(UPPER) as stream:
        await stream.write(request)
        await stream.close_write()
        return b"".join([data async for data in stream])


async def main() -> None:
    """Ask once; then propose a newer version, which this server does not know."""
    async with (
        listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers={UPPER: upper}) as listener,
        dial(listener.addresses[0]) as connection,
    ):
        print((await ask(connection, b"hello")).decode())
        async with connection.open_stream("/example/upper/2.0.0", UPPER) as stream:
            print("agreed on", stream.protocol)


if __name__ == "__main__":
    anyio.run(main)
