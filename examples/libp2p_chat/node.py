"""A chat over gossipsub: start it, start others with the address that it prints, and type lines."""

import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from webrtc_direct.libp2p import WebRtcDirect

ANY_PORT, ROOM = "/ip4/127.0.0.1/udp/0/webrtc-direct", "chat"


async def show(room):
    """Print what all members write."""
    while True:
        message = await room.get()
        print(f"{message.from_id.hex()[-6:]}: {message.data.decode(errors='replace').rstrip()}", flush=True)


async def main(*members):
    """Join *members*, send each line of the standard input, and end with it."""
    keys = create_new_key_pair()
    host = new_host(key_pair=keys, transports=[WebRtcDirect(keys)])
    gossip = GossipSub(["/meshsub/1.1.0"], degree=6, degree_low=4, degree_high=12, heartbeat_interval=1)
    pubsub = Pubsub(host, gossip)
    async with host.run(listen_addrs=[Multiaddr(ANY_PORT)]), trio.open_nursery() as tasks:
        async with background_trio_service(pubsub), background_trio_service(gossip):
            print(host.get_addrs()[0], flush=True)
            tasks.start_soon(show, await pubsub.subscribe(ROOM))
            for member in members:
                await host.connect(info_from_p2p_addr(Multiaddr(member)))
            while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
                await pubsub.publish(ROOM, line.encode())
        tasks.cancel_scope.cancel()


trio.run(main, *sys.argv[1:])
