"""A plugin of pytest for py-libp2p's own tests: writes down how each ended, and swaps TCP for our transport.

``--results FILE`` gets a line of JSON for each test; with ``--webrtc-direct`` the hosts that the tests make
have our transport and no other.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import libp2p.tools.constants
from libp2p.abc import IListener, IRawConnection, ITransport
from libp2p.crypto.keys import KeyPair
from multiaddr import Multiaddr

from webrtc_direct.libp2p import WebRtcDirect

if TYPE_CHECKING:
    import pytest
    from libp2p.custom_types import THandler
    from libp2p.network.swarm import Swarm

ANY_PORT = Multiaddr("/ip4/127.0.0.1/udp/0/webrtc-direct")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--results", type=Path, help="where to write how each test ended")
    parser.addoption("--webrtc-direct", action="store_true", help="in place of TCP")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Results(config.getoption("--results")))
    if config.getoption("--webrtc-direct"):
        libp2p.tools.constants.LISTEN_MADDR = ANY_PORT
        # A conftest.py may have imported them before.
        factories: Any = importlib.import_module("tests.utils.factories")
        factories.TCP, factories.LISTEN_MADDR = _OfItsSwarm, ANY_PORT


class _OfItsSwarm(ITransport):
    """Our transport as the tests make one: with nothing said, and the keys known only from the Swarm."""

    in_use = False
    """Whether any has listened or dialed since a test began."""

    _transport: WebRtcDirect

    def set_swarm(self, swarm: Swarm) -> None:
        """Take its keys."""
        peer_id = swarm.get_peer_id()
        keys = KeyPair(swarm.peerstore.privkey(peer_id), swarm.peerstore.pubkey(peer_id))
        self._transport = WebRtcDirect(keys)

    async def dial(self, maddr: Multiaddr) -> IRawConnection:
        _OfItsSwarm.in_use = True
        return await self._transport.dial(maddr)

    def create_listener(self, handler_function: THandler) -> IListener:
        _OfItsSwarm.in_use = True
        return self._transport.create_listener(handler_function)

    def can_dial(self, maddr: Multiaddr) -> bool:
        return self._transport.can_dial(maddr)

    def can_listen(self, maddr: Multiaddr) -> bool:
        return self._transport.can_listen(maddr)

    def protocols(self) -> list[str]:
        # The Swarm asks before it says who it is.
        return ["webrtc-direct"]


class _Results:
    """Writes a line when a test is over, so that those before one that never ends are known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outcomes: list[str] = []

    def pytest_runtest_logstart(self) -> None:
        """A test begins."""
        _OfItsSwarm.in_use = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a phase of a test. What is tried again after this has no line yet."""
        if report.when == "setup":
            self._outcomes = []
        self._outcomes.append(report.outcome)
        if report.when == "teardown" and "rerun" not in self._outcomes:
            outcome = next((each for each in ("failed", "skipped") if each in self._outcomes), "passed")
            line = {"test": report.nodeid, "outcome": outcome, "in_use": _OfItsSwarm.in_use}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
