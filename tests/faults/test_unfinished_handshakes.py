"""Clients that stop before Noise, beside clients that do not."""

from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
from tests.faults.raw_client import silent_client
from tests.support import SECONDS

import webrtc_direct
from webrtc_direct import CloseKind, Limits, ping


async def test_who_stops_before_noise_gives_way_to_whoever_does_not() -> None:
    limits = Limits(max_handshakes=2, noise_timeout=SECONDS)
    with anyio.fail_after(SECONDS):
        async with (
            webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct", limits=limits) as listener,
            AsyncExitStack() as stack,
        ):
            silent = [await stack.enter_async_context(silent_client(listener.addresses[0])) for _ in range(2)]
            assert (listener.counters().handshakes, listener.connections) == (2, [])
            for _ in range(3):
                # The first has to wait until the oldest has had its second.
                dialed = webrtc_direct.dial(listener.addresses[0])
                await ping(await stack.enter_async_context(dialed))
            assert len(listener.connections) == 3
            assert listener.counters().displaced == 1
            # Whose peers are authenticated does not give way.
            assert listener.counters().handshakes == 1
            reason = await silent[0].wait_closed()
            assert reason.kind is CloseKind.REMOTE
