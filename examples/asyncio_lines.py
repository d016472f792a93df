"""A protocol written for asyncio's streams, which knows nothing of this package, over a stream of it."""

import asyncio

from webrtc_direct import Stream, asyncio_streams, dial, listen

LINES = "/example/lines/1.0.0"


async def upper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each line with itself in capitals, as with asyncio.start_server."""
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def serve(stream: Stream) -> None:
    """Give it what it was written for."""
    await upper(*await asyncio_streams(stream))


async def main() -> None:
    """Send two lines, end this end's half, and read the answer to its end."""
    async with (
        listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers={LINES: serve}) as listener,
        dial(listener.addresses[0]) as connection,
        connection.open_stream(LINES) as stream,
    ):
        reader, writer = await asyncio_streams(stream)
        writer.writelines([b"hello\n", b"world\n"])
        writer.write_eof()
        print((await reader.read()).decode(), end="")
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
