"""A listener whose name and protocols are not UTF-8, and which would move a cursor. It prints its address."""

import anyio

import webrtc_direct
from webrtc_direct.encoding import protobuf

# The fields of Identify: 3 protocols, 5 protocol version, 6 agent.
ANSWER = protobuf.encode(
    [(3, b"/\xff/1"), (3, "/é/\x1b[2J".encode()), (5, b"\xed\xa0\x80"), (6, b"caf\xe9/1.0")]
)


async def identify(stream: webrtc_direct.Stream) -> None:
    """Say it."""
    await stream.write(bytes([len(ANSWER)]) + ANSWER)


async def main() -> None:
    """Listen until the end."""
    address = "/ip4/127.0.0.1/udp/0/webrtc-direct"
    async with webrtc_direct.listen(address, handlers={"/ipfs/id/1.0.0": identify}) as listener:
        print(listener.addresses[0], flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(main)
