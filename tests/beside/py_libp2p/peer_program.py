"""Dial the host at the address given, and stay: for a test that kills this process."""

from __future__ import annotations

import sys

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr

from webrtc_direct.libp2p import WebRtcDirect


async def main() -> None:
    keys = create_new_key_pair()
    host = new_host(key_pair=keys, transports=[WebRtcDirect(keys)])
    async with host.run(listen_addrs=[]):
        await host.connect(info_from_p2p_addr(Multiaddr(sys.argv[1])))
        await trio.sleep_forever()


trio.run(main)
