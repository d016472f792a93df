"""Which handler serves a stream, and how handlers come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webrtc_direct import (
    Connection,
    LocalProtocolError,
    Node,
    ProtocolNotSupported,
    Stream,
    identify,
    ping,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.integration_memory.conftest import Ends

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"


def named(name: str) -> Callable[[Stream], Awaitable[None]]:
    """A handler that says who it is, and which protocol was asked for."""

    async def handle(stream: Stream) -> None:
        await stream.write(f"{name}: {stream.protocol}".encode())

    return handle


async def served(connection: Connection, protocol: str) -> str:
    """Who serves *protocol* at the other end."""
    async with connection.open_stream(protocol) as stream:
        answer = b"".join([data async for data in stream]).decode()
    who, _, asked = answer.partition(": ")
    assert asked == protocol
    return who


async def refused(connection: Connection, protocol: str) -> bool:
    try:
        await served(connection, protocol)
    except ProtocolNotSupported:
        return True
    return False


async def test_a_handler_can_be_removed(ends: Ends) -> None:
    async with ends.pair(server={"/a/1": named("a")}, client={"/b/1": named("b")}) as pair:
        assert await served(pair.client, "/a/1") == "a"
        pair.listener.unhandle("/a/1")
        assert await refused(pair.client, "/a/1")
        # What was given to dial is the connection's own.
        pair.client.unhandle("/b/1")
        assert await refused(pair.server, "/b/1")
        pair.server.handle("/c/1", named("c"))
        assert await served(pair.client, "/c/1") == "c"
        pair.server.unhandle("/c/1")
        assert await refused(pair.client, "/c/1")
        assert "/c/1" not in (await identify(pair.client)).protocols
        pair.listener.unhandle("/ipfs/ping/1.0.0")
        with pytest.raises(ProtocolNotSupported):
            await ping(pair.client)


async def test_what_has_no_handler_cannot_be_removed(ends: Ends) -> None:
    async with ends.pair(server={"/a/1": named("a")}) as pair:
        for each, protocol in ((pair.listener, "/b/1"), (pair.server, "/a/1"), (pair.client, "/a/*")):
            with pytest.raises(LocalProtocolError, match=protocol.replace("*", r"\*")):
                each.unhandle(protocol)
        assert await served(pair.client, "/a/1") == "a"


async def test_a_stream_goes_on_when_its_handler_is_removed(ends: Ends) -> None:
    async def echo(stream: Stream) -> None:
        async for data in stream:
            await stream.write(data)

    async with ends.pair(server={"/a/1": echo}) as pair, pair.client.open_stream("/a/1") as stream:
        pair.listener.unhandle("/a/1")
        await stream.write(b"hello")
        assert await stream.read_exactly(5) == b"hello"


async def test_the_order_in_which_handlers_are_asked(ends: Ends) -> None:
    shared = {
        "/chat/1": named("whole"),
        "/chat/*": named("start"),
        "/chat/room/*": named("longer"),
        "/x*": named("x"),
    }
    async with ends.pair(server=shared) as pair:
        expected = {
            "/chat/1": "whole",
            "/chat/2": "start",
            "/chat/": "start",
            "/chat/room/1": "longer",
            "/x": "x",
        }
        assert {protocol: await served(pair.client, protocol) for protocol in expected} == expected
        assert await refused(pair.client, "/other/1")
        # Those of the connection come first, even with a part of the name.
        pair.server.handle("/ch*", named("own"))
        assert await served(pair.client, "/chat/1") == "own"
        assert await served(pair.client, "/x/2") == "x"
        pair.server.unhandle("/ch*")
        assert await served(pair.client, "/chat/1") == "whole"
        pair.listener.handle("*", named("all"))
        assert await served(pair.client, "/other/1") == "all"
        # Peers are told whole names alone.
        assert (await identify(pair.client)).protocols == (
            "/chat/1",
            "/ipfs/id/1.0.0",
            "/ipfs/id/push/1.0.0",
            "/ipfs/ping/1.0.0",
        )


async def test_the_handlers_of_a_node_count_for_all_its_connections(ends: Ends) -> None:
    async with Node(platform=ends.platform) as server, Node(platform=ends.platform) as node:
        listener = await server.listen(ADDRESS)
        connection = await node.dial(listener.addresses[0])
        (accepted,) = server.connections
        for each, there in ((server, connection), (node, accepted)):
            each.handle("/a/*", named("node"))
            assert await served(there, "/a/1") == "node"
            each.unhandle("/a/*")
            assert await refused(there, "/a/1")
            with pytest.raises(LocalProtocolError):
                each.unhandle("/a/*")
        # A listener of a node has handlers of its own, which are asked first.
        server.handle("/b/1", named("node"))
        listener.handle("/b/1", named("listener"))
        assert await served(connection, "/b/1") == "listener"
        listener.unhandle("/b/1")
        assert await served(connection, "/b/1") == "node"
        with pytest.raises(LocalProtocolError):
            listener.unhandle("/b/1")
