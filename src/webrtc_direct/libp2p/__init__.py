"""A transport of py-libp2p, made of ``dial`` and ``listen``; it does not know what is below these.

``pip install 'webrtc-direct[libp2p]'`` installs what it needs.

Example::

    from webrtc_direct.libp2p import WebRtcDirect

    host = new_host(key_pair=keys, transports=[TCP(), WebRtcDirect(keys, certificate="node.cert")])
    async with host.run(listen_addrs=[Multiaddr("/ip4/0.0.0.0/udp/4001/webrtc-direct")]):
        print(host.get_addrs())
"""

from webrtc_direct.libp2p.transport import WebRtcDirect

__all__ = ["WebRtcDirect"]
