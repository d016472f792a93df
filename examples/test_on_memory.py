"""Test a protocol without a network: `pytest test_on_memory.py`. No port and no engine are needed."""

import anyio
import pytest

from webrtc_direct import ConnectionLost, StreamReset, dial, echo_handler, listen
from webrtc_direct.platform.memory import MemoryNetwork, MemoryPlatform

pytestmark = pytest.mark.anyio
ADDRESS = "/ip4/192.0.2.1/udp/4001/webrtc-direct"
ECHO = {"/echo/1.0.0": echo_handler}


async def test_an_echo_comes_back() -> None:
    platform = MemoryPlatform(MemoryNetwork())
    async with (
        listen(ADDRESS, handlers=ECHO, platform=platform) as listener,
        dial(listener.addresses[0], platform=platform) as connection,
        connection.open_stream("/echo/1.0.0") as stream,
    ):
        await stream.write(b"hello")
        assert await stream.read_exactly(5) == b"hello"


async def test_a_lost_connection_ends_whoever_waits() -> None:
    network = MemoryNetwork()
    platform = MemoryPlatform(network)
    async with (
        listen(ADDRESS, handlers=ECHO, platform=platform) as listener,
        dial(listener.addresses[0], platform=platform) as connection,
    ):
        stream = await connection.open_stream("/echo/1.0.0")
        network.links[-1].lose()
        with pytest.raises((ConnectionLost, StreamReset)), anyio.fail_after(10):
            await stream.read()
