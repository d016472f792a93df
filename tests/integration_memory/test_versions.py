"""Which version of the handshake a dial ends up with, and that the listener sees it once."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import (
    FingerprintMismatch,
    HandshakeTimeout,
    Limits,
    VersionNotPossible,
    WebRtcDirectAddress,
    ping,
)
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.platform.memory import MemoryNetwork, MemoryPlatform

if TYPE_CHECKING:
    from anyio.abc import TaskGroup
    from tests.integration_memory.conftest import Ends

    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.platform.base import ConnectParameters
    from webrtc_direct.platform.memory_connection import MemoryConnection


async def test_v1_is_first_and_alone_when_it_is_answered(ends: Ends) -> None:
    async with ends.listen() as listener, ends.dial(listener.addresses[0]) as connection:
        await ping(connection)
        assert connection.version == "v1"
        assert len(ends.network.links) == 1


async def test_v2_is_tried_after_a_second_without_any_answer(ends: Ends) -> None:
    ends.network.answers_after["v1"] = math.inf
    async with ends.listen() as listener:
        started = anyio.current_time()
        async with ends.dial(listener.addresses[0]) as connection:
            assert round(anyio.current_time() - started, 3) >= 1
            await ping(connection)
            assert connection.version == "v2"
            assert [each.version for each in listener.connections] == ["v2"]
    assert len(ends.network.links) == 1


# Far enough apart, so that a loaded machine does not swap them.
@pytest.mark.parametrize(("v1", "v2", "winner"), [(1.2, 4.0, "v1"), (5.0, 0.05, "v2")])
async def test_the_first_answer_wins_and_the_other_attempt_stops(
    ends: Ends, v1: float, v2: float, winner: Version
) -> None:
    ends.network.answers_after |= {"v1": v1, "v2": v2}
    async with ends.listen() as listener, ends.dial(listener.addresses[0]) as connection:
        await ping(connection)
        assert connection.version == winner
        assert len(listener.connections) == 1
    assert len(ends.network.links) == 1


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_version_that_is_asked_for_is_the_only_one(ends: Ends, version: Version) -> None:
    async with ends.listen() as listener:
        async with ends.dial(listener.addresses[0], version=version) as connection:
            assert connection.version == version
        ends.network.answers_after[version] = math.inf
        with pytest.raises(HandshakeTimeout):
            async with ends.dial(listener.addresses[0], version=version, timeout=0.1):
                pytest.fail("connected")


@pytest.mark.parametrize("timeout", [0.1, 1.0, 1.2])
async def test_nobody_there_is_one_timeout_of_both_attempts(ends: Ends, timeout: float) -> None:
    ends.network.answers_after |= {"v1": math.inf, "v2": math.inf}
    async with ends.listen() as listener:
        started = anyio.current_time()
        with pytest.raises(HandshakeTimeout) as caught:
            async with ends.dial(listener.addresses[0], timeout=timeout):
                pytest.fail("connected")
        # The clock of uvloop counts milliseconds, which have no exact difference.
        assert round(anyio.current_time() - started, 3) >= timeout
        assert (caught.value.step, caught.value.seconds) == ("ice", timeout)


async def test_an_answer_that_is_refused_ends_the_dial_at_once(ends: Ends) -> None:
    async with ends.listen() as listener:
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        other = Certificate.generate().fingerprint
        with pytest.raises(FingerprintMismatch):
            async with ends.dial(
                WebRtcDirectAddress(address.ip, address.port, other, address.peer_id), limits=Limits()
            ):
                pytest.fail("connected")


class WithoutV1(MemoryPlatform):
    """A platform on which v1 is not possible, as in a browser that refuses to munge."""

    versions = ("v2", "v1")

    def __init__(self, network: MemoryNetwork) -> None:
        super().__init__(network)
        self.tried: list[Version] = []

    async def connect(self, task_group: TaskGroup, parameters: ConnectParameters) -> MemoryConnection:
        self.tried.append(parameters.session.version)
        if parameters.session.version == "v1":
            raise VersionNotPossible("v1", "refused")
        return await super().connect(task_group, parameters)


@pytest.fixture
def without_v1(ends: Ends) -> WithoutV1:
    platform = WithoutV1(ends.network)
    ends.platform = platform
    return platform


async def test_a_platform_says_which_version_comes_first(ends: Ends, without_v1: WithoutV1) -> None:
    async with ends.listen() as listener, ends.dial(listener.addresses[0]) as connection:
        assert connection.version == "v2"
    assert without_v1.tried == ["v2"]


async def test_a_version_that_is_not_possible_leaves_the_other_one_its_time(
    ends: Ends, without_v1: WithoutV1
) -> None:
    ends.network.answers_after["v2"] = 1.5
    async with ends.listen() as listener, ends.dial(listener.addresses[0], timeout=3) as connection:
        assert connection.version == "v2"
    assert without_v1.tried == ["v2", "v1"]


async def test_a_first_version_that_is_not_possible_is_not_waited_for(
    ends: Ends, without_v1: WithoutV1, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WithoutV1, "versions", ("v1", "v2"))
    async with ends.listen() as listener:
        # The other one would begin after a second otherwise.
        async with ends.dial(listener.addresses[0], timeout=1.0) as connection:
            assert connection.version == "v2"
    assert without_v1.tried == ["v1", "v2"]


async def test_a_version_that_is_not_possible_is_why_nobody_was_reached(
    ends: Ends, without_v1: WithoutV1
) -> None:
    ends.network.answers_after["v2"] = math.inf
    async with ends.listen() as listener:
        with pytest.raises(VersionNotPossible, match="v1 is not possible here: refused"):
            async with ends.dial(listener.addresses[0], timeout=1.2):
                pytest.fail("connected")


async def test_what_an_answer_says_counts_more_than_a_version_that_is_not_possible(
    ends: Ends, without_v1: WithoutV1
) -> None:
    ends.network.answers_after["v2"] = 1.5
    async with ends.listen() as listener:
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        other = replace(address, fingerprint=Certificate.generate().fingerprint)
        with pytest.raises(FingerprintMismatch):
            async with ends.dial(other, timeout=3):
                pytest.fail("connected")
