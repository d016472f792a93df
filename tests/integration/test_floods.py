"""Honest clients beside a flood from many networks; ``make stress`` has more of them, and at full speed."""

from __future__ import annotations

import json
import shutil

import anyio
import pytest
from stress.floods import Flood, build
from tests.support import SECONDS, settled

import webrtc_direct
from webrtc_direct import WebRtcDirectAddress

FLOOD = Flood(kind="mixed", networks=200, rate=20_000)
FLOOD_SECONDS = 3
# Some hundred times what a dial takes; a dialer whose requests get lost takes longer.
MOST_SECONDS = 3.0


@pytest.fixture(scope="module")
def flooder() -> None:
    if shutil.which("cargo") is None:
        pytest.skip("the flooder is in Rust, and there is no cargo")
    build()


# The flooder may have to be built first.
@pytest.mark.timeout(600)
async def test_every_honest_dial_succeeds_in_a_flood_from_many_networks(flooder: None) -> None:
    times: list[float] = []
    async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct") as listener:
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        command = FLOOD.command(f"{address.ip}:{address.port}", "--seconds", str(FLOOD_SECONDS))
        async with await anyio.open_process(command, stderr=None) as flood:
            await settled(lambda: listener.counters().malformed > 0, "the flood has begun")
            while flood.returncode is None:
                for version in ("v1", "v2"):
                    started = anyio.current_time()
                    async with webrtc_direct.dial(address, version=version) as connection:
                        times.append(anyio.current_time() - started)
                        await webrtc_direct.ping(connection)
            assert flood.stdout is not None
            with anyio.fail_after(SECONDS):
                counts = json.loads(b"".join([part async for part in flood.stdout]))
    assert max(times) < MOST_SECONDS
    assert counts["datagrams_sent"] > FLOOD.networks
    assert counts["worst_ratio"] <= 3
