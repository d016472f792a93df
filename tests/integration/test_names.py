"""Addresses with names, over UDP: by the system's own resolver, and by a name server of the test's."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import anyio
from tests.name_server import name_server
from tests.support import SECONDS, settled, unused_port

import webrtc_direct
from webrtc_direct.platform.base import PeerConnection

if TYPE_CHECKING:
    from webrtc_direct import Listener


def proof(listener: Listener) -> str:
    """What follows the host in the addresses of *listener*."""
    address = listener.addresses[0]
    return address[address.index("/udp/") :]


async def test_localhost_is_dialed() -> None:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct") as listener:
            for kind in ("dns", "dns4"):
                async with webrtc_direct.dial(f"/{kind}/localhost{proof(listener)}") as connection:
                    assert connection.remote == listener.bound[0]
                    assert await webrtc_direct.ping(connection) > 0


async def test_both_families_of_a_name_are_dialed() -> None:
    port = unused_port()
    addresses = [f"/{host}/udp/{port}/webrtc-direct" for host in ("ip4/127.0.0.1", "ip6/::1")]
    with name_server() as server, anyio.fail_after(SECONDS):
        server.add_host("host.test", "127.0.0.1", "::1")
        async with webrtc_direct.listen(addresses) as listener:
            for kind, ip in (("dns4", "127.0.0.1"), ("dns6", "::1"), ("dns", "::1")):
                async with webrtc_direct.dial(f"/{kind}/host.test{proof(listener)}") as connection:
                    assert connection.remote == (ip, port)
                    assert await webrtc_direct.ping(connection) > 0


async def test_an_attempt_that_loses_leaves_nothing_of_the_engine() -> None:
    with name_server() as server, anyio.fail_after(SECONDS):
        # Nobody answers at the first two.
        server.add_host("host.test", "::1", "127.0.0.1")
        async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct") as listener:
            for _ in range(2):
                async with webrtc_direct.dial(f"/dns/host.test{proof(listener)}") as connection:
                    assert connection.remote == listener.bound[0]
                    await settled(lambda: len(_peers()) == 2)
            await settled(lambda: listener.connections == [])


def _peers() -> list[PeerConnection]:
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, PeerConnection)]


async def test_dnsaddr_gives_the_addresses_of_listeners() -> None:
    with name_server() as server, anyio.fail_after(SECONDS):
        async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct") as listener:
            server.add_texts("peers.test", *listener.addresses)
            for address in ("/dnsaddr/peers.test", f"/dnsaddr/peers.test/p2p/{listener.peer_id}"):
                async with webrtc_direct.dial(address) as connection:
                    assert connection.peer_id == listener.peer_id
                    assert await webrtc_direct.ping(connection) > 0
