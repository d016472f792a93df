"""Who is in the room? Asks the Kademlia DHT through the node given, announces itself there, and stays."""

import hashlib
import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from webrtc_direct.libp2p import WebRtcDirect

ANY_PORT = "/ip4/127.0.0.1/udp/0/webrtc-direct"
# Keys of the DHT are multihashes: 0x12 says SHA2-256, 0x20 its length.
ROOM = "1220" + hashlib.sha256(b"chat").hexdigest()


async def main(node):
    """Print who else is there, and whether it answers when dialed."""
    keys = create_new_key_pair()
    host = new_host(key_pair=keys, transports=[WebRtcDirect(keys)])
    async with host.run(listen_addrs=[Multiaddr(ANY_PORT)]):
        dht = KadDHT(host, DHTMode.SERVER)
        async with background_trio_service(dht):
            known = info_from_p2p_addr(Multiaddr(node))
            await host.connect(known)
            await dht.add_peer(known.peer_id)
            print("I am", host.get_id(), flush=True)
            # A member may be named by several nodes.
            for found in {each.peer_id: each for each in await dht.find_providers(ROOM)}.values():
                await host.connect(found)
                print("found", found.peer_id, flush=True)
            print("announced", await dht.provide(ROOM), flush=True)
            await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)


trio.run(main, sys.argv[1])
