"""Calls with a time limit: one message each way. A handler stops when its caller has given up."""

import json

import anyio

from webrtc_direct import Connection, Node, RemoteProtocolError, Stream

RPC = "/example/rpc/1.0.0"


async def serve(stream: Stream) -> None:
    """Answer one call. RemoteProtocolError blames the peer, so the log has no traceback."""
    method, *numbers = json.loads(await stream.read_message(4096) or b"[null]")
    if method not in ("sum", "slow sum"):
        raise RemoteProtocolError(f"no method {method!r}")
    async with stream.until_stopped():
        await anyio.sleep(60 if method == "slow sum" else 0)
    await stream.write_message(json.dumps(sum(numbers)).encode())


async def call(connection: Connection, seconds: float, *request: object) -> object:
    """Return the answer. A TimeoutError resets the stream, and that stops the handler."""
    with anyio.fail_after(seconds):
        async with connection.open_stream(RPC, lazy=True) as stream:
            await stream.write_message(json.dumps(request).encode())
            return json.loads(await stream.read_message() or b"null")


async def main() -> None:
    """Make a call that is answered in time, and one that is not."""
    async with Node(handlers={RPC: serve}) as server, Node() as client:
        listener = await server.listen("/ip4/127.0.0.1/udp/0/webrtc-direct")
        connection = await client.dial(listener.addresses[0])
        print(await call(connection, 5, "sum", 1, 2, 3))
        try:
            await call(connection, 0.1, "slow sum", 1, 2, 3)
        except TimeoutError:
            print("no answer in time")


if __name__ == "__main__":
    anyio.run(main)
