"""The interface of connections and streams is the same on the native engine and on the memory platform.

``tests/browser`` runs the same scenarios in a page.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import webrtc_direct
from webrtc_direct import Handler, dial, listen
from webrtc_direct.platform.memory import MemoryNetwork, MemoryPlatform
from webrtc_direct.platform.native import NativePlatform

if TYPE_CHECKING:
    from webrtc_direct.platform.base import Platform

pytestmark = pytest.mark.anyio

endings: Any = importlib.import_module("python_endings")
transfers: Any = importlib.import_module("python_transfers")
scenarios: Any = importlib.import_module("scenarios")

HANDLERS: dict[str, Handler] = {
    transfers.ECHO_PROTOCOL: webrtc_direct.echo_handler,
    transfers.CHECKED_PROTOCOL: transfers.serve_checked,
    endings.HALF_CLOSE_PROTOCOL: endings.serve_half_close,
    endings.RESET_PROTOCOL: partial(endings.serve_reset, seen=lambda: None),
    endings.CLOSE_PROTOCOL: endings.serve_close,
}


@pytest.fixture(params=["native", "memory"])
def platform(request: pytest.FixtureRequest) -> Platform:
    return NativePlatform() if request.param == "native" else MemoryPlatform(MemoryNetwork())


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
async def test_scenario(name: str, platform: Platform) -> None:
    address = "/ip4/127.0.0.1/udp/0/webrtc-direct"
    async with listen(address, handlers=HANDLERS, platform=platform) as listener:
        await scenarios.SCENARIOS[name](partial(dial, platform=platform), listener.addresses[0])
