"""Send a file, and resume a transfer that was cut off. Both ends run in this one program."""

import sys

import anyio

from webrtc_direct import Connection, ConnectionLost, Node, Stream, StreamReset

FILES = "/example/files/1.0.0"


async def fetch(connection: Connection, copy: anyio.Path) -> None:
    """Append to *copy* what it lacks. The request says how many bytes it has."""
    there = (await copy.stat()).st_size if await copy.exists() else 0
    async with connection.open_stream(FILES) as stream:
        await stream.write_message(str(there).encode())
        await stream.receive_file(copy, offset=there)


async def main(source: str, copy: str) -> None:
    """Serve *source*, and fetch it. The first connection is cut on purpose."""
    cut = True

    async def send(stream: Stream) -> None:
        def progress(_: int) -> None:
            nonlocal cut
            if cut:
                cut = False
                stream.connection.abort()

        offset = int(await stream.read_message(20) or b"0")
        await stream.send_file(source, offset=offset, on_progress=progress)

    async with Node(handlers={FILES: send}) as server, Node() as client:
        (address,) = (await server.listen("/ip4/127.0.0.1/udp/0/webrtc-direct")).addresses
        while True:
            try:
                return await fetch(await client.dial(address), anyio.Path(copy))
            except (ConnectionLost, StreamReset) as error:
                print(f"{(await anyio.Path(copy).stat()).st_size} bytes are here: {error}")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
