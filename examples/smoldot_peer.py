"""Be a peer of smoldot, the light client: `python smoldot_peer.py GENESIS_HASH` of its chain."""

import sys
from contextlib import suppress

import anyio

from webrtc_direct import Stream, listen

# Role, number and hash of the best block, genesis hash. A length of one byte comes first.
HANDSHAKE_SIZE = 1 + 4 + 32 + 32
FULL_NODE = b"\x01"


async def block_announces(stream: Stream) -> None:
    """Answer as a full node with the same best block, and announce no further blocks."""
    handshake = await stream.read_exactly(1 + HANDSHAKE_SIZE)
    if handshake[0] != HANDSHAKE_SIZE:
        raise ValueError(f"a handshake of {handshake[0]} bytes")
    await stream.write(handshake[:1] + FULL_NODE + handshake[2:])
    async for _ in stream:
        pass


async def main(genesis_hash: str) -> None:
    """Listen until Ctrl-C. The package answers ping and identify; smoldot needs both."""
    handlers = {f"/{genesis_hash}/block-announces/1": block_announces}
    async with listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers=handlers) as listener:
        listener.on_connected = lambda connection: print("connected:", connection.peer_id, flush=True)
        listener.on_disconnected = lambda _, reason: print("disconnected:", reason.detail, flush=True)
        print(listener.addresses[0], flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main, sys.argv[1])
