"""Limits that the engine applies: each one refuses, and the listener counts it under its name."""

from __future__ import annotations

import socket
import sys
import zlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import anyio
import pytest

import webrtc_direct
from webrtc_direct import HandshakeError, Limits, ping

if TYPE_CHECKING:
    from webrtc_direct import Listener

ANY_PORT = "/ip4/127.0.0.1/udp/0/webrtc-direct"
SECONDS = 30
# linux/udp.h; Python does not name it.
UDP_SEGMENT = 103


async def refused_until_told(listener: Listener, limit: str) -> None:
    """Dial in vain until the listener has told of it."""
    with pytest.raises(HandshakeError):
        async with webrtc_direct.dial(listener.addresses[0], timeout=1.5):
            pytest.fail("connected")
    with anyio.fail_after(SECONDS):
        while limit not in listener.refusals:  # noqa: ASYNC110 - the engine tells it from its thread
            await anyio.sleep(0.01)
    assert listener.counters().refused >= 1


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(max_connections=2), "max_connections"),
        (Limits(max_connections_per_address=2), "max_connections_per_address"),
        (Limits(max_connections_per_prefix=2), "max_connections_per_prefix"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_connections_are_bounded(limits: Limits, limit: str) -> None:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT, limits=limits) as listener, AsyncExitStack() as stack:
            for _ in range(2):
                dialed = webrtc_direct.dial(listener.addresses[0])
                await ping(await stack.enter_async_context(dialed))
            await refused_until_told(listener, limit)
            await stack.aclose()


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(connections_per_second=0.5), "connections_per_second"),
        (Limits(connections_per_second_per_address=0.5), "connections_per_second_per_address"),
        (Limits(max_handshakes=1), "max_handshakes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_new_connections_come_at_a_bounded_rate(limits: Limits, limit: str) -> None:
    connected = 0

    async def dial() -> None:
        nonlocal connected
        async with webrtc_direct.dial(listener.addresses[0], timeout=SECONDS) as connection:
            await ping(connection)
            connected += 1
            await anyio.sleep_forever()

    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen(ANY_PORT, limits=limits) as listener,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(20):
                tasks.start_soon(dial)
            while limit not in listener.refusals or not connected:  # noqa: ASYNC110 - the engine tells it
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()


async def test_the_size_of_the_peers_certificate_is_bounded() -> None:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT, limits=Limits(max_certificate=100)) as listener:
            with pytest.raises(HandshakeError):
                async with webrtc_direct.dial(listener.addresses[0], timeout=1.5):
                    pytest.fail("connected")
            with pytest.raises(HandshakeError):
                async with webrtc_direct.dial(
                    listener.addresses[0], timeout=1.5, limits=Limits(max_certificate=100)
                ):
                    pytest.fail("connected")
        async with (
            webrtc_direct.listen(ANY_PORT, limits=Limits(max_certificate=1000)) as listener,
            webrtc_direct.dial(listener.addresses[0], limits=Limits(max_certificate=1000)) as connection,
        ):
            await ping(connection)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sends joined datagrams")
async def test_of_joined_requests_only_a_few_are_looked_at() -> None:
    request = bytes.fromhex("000100082112a442") + bytes(12)
    request += bytes.fromhex("80280004") + (zlib.crc32(request) ^ 0x5354554E).to_bytes(4, "big")
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ANY_PORT) as listener:
            address = listener.bound[0]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(request, address)
                while not listener.counters().bad_username:  # noqa: ASYNC110 - the engine's thread counts
                    await anyio.sleep(0.01)
                stranger.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(request))
                stranger.sendto(request * 32, address)
            while listener.counters().throttled < 28:  # noqa: ASYNC110
                await anyio.sleep(0.01)
            counters = listener.counters()
            assert (counters.throttled, counters.bad_username) == (28, 1 + 4)
