"""Tests of one's own under pytest-asyncio: blocks in the test and in fixtures, whose halves are two tasks."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hello import ADDRESS, HANDLERS, greet

import webrtc_direct


@pytest_asyncio.fixture(params=[1, 2])
async def listener() -> AsyncIterator[webrtc_direct.Listener]:
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listening:
        yield listening


@pytest_asyncio.fixture
async def connection(listener: webrtc_direct.Listener) -> AsyncIterator[webrtc_direct.Connection]:
    async with webrtc_direct.dial(listener.addresses[0]) as dialled:
        yield dialled


@pytest.mark.asyncio
async def test_blocks_in_the_test() -> None:
    async with (
        webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listening,
        webrtc_direct.dial(listening.addresses[0]) as dialled,
    ):
        assert await greet(dialled) == b"hello"


@pytest.mark.asyncio
async def test_connections_of_fixtures(connection: webrtc_direct.Connection) -> None:
    assert await greet(connection) == b"hello"
