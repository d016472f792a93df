"""Choosing the version of the handshake on the real engine: a listener sees one connection."""

from __future__ import annotations

from contextlib import suppress

import anyio
import pytest
from tests.support import relay, unused_port

import webrtc_direct
from webrtc_direct import HandshakeError, HandshakeTimeout, KeyPair, identify, ping

ANY_PORT = "/ip4/127.0.0.1/udp/0/webrtc-direct"
SECONDS = 30


@pytest.mark.parametrize(
    ("drops", "version"),
    [((), "v1"), ((b"libp2p+webrtc+v1/",), "v2"), ((b"libp2p+webrtc+v2/",), "v1")],
)
async def test_the_version_that_is_answered_makes_the_one_connection(
    drops: tuple[bytes, ...], version: str
) -> None:
    connected: list[str] = []
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT) as listener:
            listener.on_connected = lambda connection: connected.append(connection.version)
            passes = lambda data: not any(word in data for word in drops)  # noqa: E731
            async with relay(listener.addresses[0], passes) as address:
                started = anyio.current_time()
                async with webrtc_direct.dial(address) as connection:
                    took = anyio.current_time() - started
                    await ping(connection)
                    assert connection.version == version
                    counters = listener.counters()
                    assert (counters.connections, counters.handshakes) == (1, 0)
                assert (took >= 1) == (version == "v2")
    assert connected == [version]


async def test_nobody_there_is_one_timeout() -> None:
    async with webrtc_direct.listen(ANY_PORT) as listener:
        address = listener.addresses[0]
    started = anyio.current_time()
    with pytest.raises(HandshakeTimeout) as caught:
        async with webrtc_direct.dial(address, timeout=1.3):
            pytest.fail("connected")
    assert round(anyio.current_time() - started, 3) >= 1.3
    assert (caught.value.step, caught.value.seconds) == ("ice", 1.3)


async def test_one_listener_takes_both_families_on_one_port() -> None:
    with anyio.fail_after(SECONDS):
        port = unused_port()
        wanted = [f"/ip4/0.0.0.0/udp/{port}/webrtc-direct", f"/ip6/::/udp/{port}/webrtc-direct"]
        async with webrtc_direct.listen(wanted) as listener:
            assert listener.bound == [("0.0.0.0", port), ("::", port)]
            for address in listener.addresses:
                async with webrtc_direct.dial(address) as connection:
                    await ping(connection)
                    observed = (await identify(connection)).observed_address
                    assert observed is not None
                    assert observed.split("/")[:3] == address.split("/")[:3]


async def test_hook_announcement_and_keep_alive_work_on_the_engine() -> None:
    friend = KeyPair.generate()
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(
            ANY_PORT,
            announce=["/ip4/127.0.0.1/udp/0/webrtc-direct"],
            accept=lambda _, peer_id: peer_id in (None, friend.peer_id),
            keep_alive=0.05,
        ) as listener:
            (address,) = listener.addresses
            async with webrtc_direct.dial(address, identity=friend, keep_alive=0.05) as connection:
                before = connection.stats().datagrams_received
                while connection.stats().datagrams_received < before + 10:  # noqa: ASYNC110 - pings are silent
                    await anyio.sleep(0.01)
            with suppress(HandshakeError):
                # The dialer has authenticated the listener before that has refused it.
                async with webrtc_direct.dial(address) as stranger:
                    await stranger.wait_closed()
            assert listener.connections == []
