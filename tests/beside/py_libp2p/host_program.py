"""A node of py-libp2p that keeps its address: pages with js-libp2p, go-libp2p and py-libp2p nodes dial it."""

from __future__ import annotations

import sys

import trio
from libp2p import identity_exists, load_identity, new_host, save_identity
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.transport.tcp.tcp import TCP
from multiaddr import Multiaddr

from webrtc_direct.libp2p import WebRtcDirect

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "/ip4/0.0.0.0/udp/4001/webrtc-direct"


async def echo(stream):
    """Send back what comes."""
    try:
        while True:
            await stream.write(await stream.read(65536))
    except StreamEOF:
        await stream.close()


async def main():
    """Run until Ctrl-C."""
    if not identity_exists("node.key"):
        save_identity(create_new_key_pair(), "node.key")
    keys = load_identity("node.key")
    host = new_host(key_pair=keys, transports=[TCP(), WebRtcDirect(keys, certificate="node.cert")])
    host.set_stream_handler("/echo/1.0.0", echo)
    async with host.run(listen_addrs=[Multiaddr(ADDRESS)]):
        for address in host.get_addrs():
            print(address, flush=True)
        await trio.sleep_forever()


try:
    trio.run(main)
except* KeyboardInterrupt:
    print("stopped")
