"""Connections through a relay that loses, repeats and swaps datagrams; ``make stress`` does it at length."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from stress.faults import Faults, Incident
from stress.relay import LOOPBACK, Relay
from tests.support import ECHO, echo

import webrtc_direct
from webrtc_direct import Limits, WebRtcDirectAddress, echo_handler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webrtc_direct import Connection

SECONDS = 60
MIB = 1 << 20
# A listener learns of another source port by the consent check that comes from there.
LIMITS = Limits(consent_interval=0.5)


@asynccontextmanager
async def connected_through(
    faults: Faults | None = None, *incidents: Incident
) -> AsyncIterator[tuple[Connection, Relay]]:
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(
            "/ip4/127.0.0.1/udp/0/webrtc-direct", handlers={ECHO: echo_handler}
        ) as listener:
            address = WebRtcDirectAddress.parse(listener.addresses[0])
            with Relay((LOOPBACK, address.port), faults, incidents=incidents) as relay:
                through = WebRtcDirectAddress(
                    address.ip, relay.address[1], address.fingerprint, address.peer_id
                )
                async with webrtc_direct.dial(through, limits=LIMITS) as connection:
                    yield connection, relay
                # The dialer's farewell has to get through the relay.
                while listener.connections:  # noqa: ASYNC110  (it happens on the engine's thread)
                    await anyio.sleep(0.01)


async def assert_echoed(connection: Connection, size: int) -> None:
    data = secrets.token_bytes(size)
    received = await echo(connection, data)
    assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()


async def test_everything_arrives_although_datagrams_are_lost_repeated_swapped_and_changed() -> None:
    faults = Faults(loss=0.05, duplicate=0.05, reorder=0.1, held_back=0.002, corrupt=0.005)
    async with connected_through() as (connection, relay):
        # From here on: DTLS cannot tell a changed handshake message from a forged one, and gives up.
        relay.faults = faults
        await assert_echoed(connection, MIB)
        assert relay.traffic.dropped > 0


async def test_a_connection_outlives_a_blackout_shorter_than_the_bound_on_silence() -> None:
    async with connected_through(None, Incident(after_bytes=MIB // 2, blackout=1.0)) as (connection, relay):
        await assert_echoed(connection, MIB)
        assert relay.traffic.blackouts == 1


async def test_a_connection_follows_its_dialer_to_another_source_port() -> None:
    async with connected_through(None, Incident(after_bytes=MIB // 2, rebind=True)) as (connection, relay):
        await assert_echoed(connection, 2 * MIB)
        assert relay.traffic.rebinds == 1
        assert 0 < await webrtc_direct.ping(connection) < SECONDS


@pytest.mark.parametrize("delay", [0.05])
async def test_the_relay_delays_each_way(delay: float) -> None:
    async with connected_through(Faults(delay=delay)) as (connection, _):
        assert await webrtc_direct.ping(connection) >= 2 * delay
