"""Listen on several addresses, announce others, choose whom to accept: `python several_addresses.py PORT`."""

import sys
from contextlib import suppress

import anyio

from webrtc_direct import PeerId, echo_handler, listen

BANNED_ADDRESSES = {"192.0.2.66"}
BANNED_PEERS = {"12D3KooWNe8rNSxWvaBJQwfJvesmUdYCxEJ7rGLSKppCGAsFSe3H"}


def accept(remote: tuple[str, int], peer_id: PeerId | None) -> bool:
    """Called before the Noise handshake without a peer id, and again with the one that it proved."""
    return remote[0] not in BANNED_ADDRESSES and str(peer_id) not in BANNED_PEERS


async def main(port: str) -> None:
    """Listen on all interfaces. Others reach this machine at 203.0.113.7 and 2001:db8::7."""
    async with listen(
        [f"/ip4/0.0.0.0/udp/{port}/webrtc-direct", f"/ip6/::/udp/{port}/webrtc-direct"],
        announce=["/ip4/203.0.113.7/udp/4001/webrtc-direct", "/ip6/2001:db8::7/udp/4001/webrtc-direct"],
        accept=accept,
        keep_alive=60,
        handlers={"/echo/1.0.0": echo_handler},
    ) as listener:
        print("bound to", *(f"{ip} port {port}" for ip, port in listener.bound), sep="\n  ")
        print("announced", *listener.addresses, sep="\n  ", flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main, sys.argv[1])
