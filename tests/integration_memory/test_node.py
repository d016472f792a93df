"""A node: connections that any task may ask for, and that outlive it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest

from webrtc_direct import (
    CloseKind,
    CloseReason,
    Connection,
    ConnectionLost,
    HandshakeError,
    HandshakeTimeout,
    KeyPair,
    LimitExceeded,
    Limits,
    LocalProtocolError,
    Node,
    Stream,
    echo_handler,
    ping,
)
from webrtc_direct.protocols.echo import ECHO_PROTOCOL

if TYPE_CHECKING:
    from tests.integration_memory.conftest import Ends, Settled

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"
ECHO = {ECHO_PROTOCOL: echo_handler}


async def _echoes(connection: Connection) -> bool:
    async with connection.open_stream(ECHO_PROTOCOL) as stream:
        await stream.write(b"hello")
        return await stream.read_exactly(5) == b"hello"


def _nobody(address: str) -> str:
    """The same peer at a port where nobody listens."""
    return f"/ip4/127.0.0.1/udp/9/webrtc-direct{address[address.index('/certhash') :]}"


async def test_a_connection_outlives_the_task_that_dialed_it(ends: Ends) -> None:
    found: list[Connection] = []

    async def dial(node: Node, address: str) -> None:
        found.append(await node.dial(address))

    async with Node(platform=ends.platform, handlers=ECHO) as server, Node(platform=ends.platform) as node:
        listener = await server.listen(ADDRESS)
        assert server.addresses == listener.addresses
        assert server.listeners == [listener]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dial, node, listener.addresses[0])
        (connection,) = found
        assert (connection.peer_id, connection.local_peer_id) == (server.peer_id, node.peer_id)
        assert await _echoes(connection)
        assert (node.connection(server.peer_id), node.connections) == (connection, [connection])
        # The other end can open streams as well.
        (accepted,) = server.connections
        assert await ping(accepted) >= 0
    assert await connection.wait_closed() == CloseReason(CloseKind.LOCAL, "closed by this end")


async def test_a_peer_that_is_connected_is_not_dialed_again(ends: Ends, settled: Settled) -> None:
    found: list[Connection] = []

    async def dial() -> None:
        found.append(await node.dial(address))

    async with Node(platform=ends.platform) as server, Node(platform=ends.platform) as node:
        (address,) = (await server.listen(ADDRESS)).addresses
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(dial)
        assert len({*found, await node.dial(address)}) == 1
        assert len(server.connections) == 1
        await found[0].aclose()
        again = await node.dial(address)
        assert again is not found[0]
        await settled(lambda: node.connections == [again])


async def test_handlers_count_for_all_connections_whenever_they_are_given(ends: Ends) -> None:
    async with Node(platform=ends.platform) as server, Node(platform=ends.platform) as node:
        (address,) = (await server.listen(ADDRESS)).addresses
        connection = await node.dial(address)
        for each in (server, node):
            each.handle(ECHO_PROTOCOL, echo_handler)
        assert await _echoes(connection)
        assert await _echoes(server.connections[0])


async def test_the_hooks_tell_of_dialed_and_of_accepted_connections(ends: Ends, settled: Settled) -> None:
    told: list[object] = []
    async with Node(platform=ends.platform) as server, Node(platform=ends.platform) as node:
        for name, each in (("server", server), ("node", node)):
            each.on_connected = lambda _, name=name: told.append((name, "on"))
            each.on_disconnected = lambda _, reason, name=name: told.append((name, reason.kind))
        (address,) = (await server.listen(ADDRESS)).addresses
        connection = await node.dial(address)
        await settled(lambda: len(told) == 2)
        await connection.aclose()
        await settled(lambda: len(told) == 4)
    assert sorted(map(str, told)) == sorted(
        map(
            str,
            [("node", "on"), ("server", "on"), ("node", CloseKind.LOCAL), ("server", CloseKind.REMOTE)],
        )
    )


async def test_a_dial_that_fails_fails_alone(ends: Ends) -> None:
    async with Node(platform=ends.platform) as server, Node(platform=ends.platform) as node:
        (address,) = (await server.listen(ADDRESS)).addresses
        with pytest.raises(HandshakeTimeout):
            await node.dial(_nobody(address), timeout=0.05)
        assert await ping(await node.dial(address)) >= 0


async def test_the_bound_on_connections_holds_for_dials(ends: Ends) -> None:
    limits = Limits(max_connections=1)
    async with (
        Node(platform=ends.platform) as one,
        Node(platform=ends.platform) as other,
        Node(platform=ends.platform, limits=limits) as node,
    ):
        await node.dial((await one.listen(ADDRESS)).addresses[0])
        with pytest.raises(LimitExceeded, match="max_connections=1"):
            await node.dial((await other.listen(ADDRESS)).addresses[0])


def _redials() -> int:
    return sum("webrtc_direct redial" in str(task.name) for task in anyio.get_running_tasks())


async def test_a_lost_peer_is_dialed_again(ends: Ends, settled: Settled) -> None:
    identity = KeyPair.generate()
    async with Node(platform=ends.platform) as node:
        async with Node(platform=ends.platform, identity=identity) as server:
            (address,) = (await server.listen(ADDRESS)).addresses
            first = await node.dial(address, redial=True)
            assert await node.dial(address, redial=True) is first
            for connection in server.connections:
                connection.abort()
            await first.wait_closed()
            again = await node.wait_connected(identity.peer_id)
            assert again is not first
            assert await ping(again) >= 0
            assert _redials() == 1
            # Whoever closes it himself does not want it back.
            await again.aclose()
            await settled(lambda: _redials() == 0)


async def test_the_end_of_a_node_does_not_wait_for_a_dial(ends: Ends) -> None:
    ended = anyio.Event()

    async def dial(node: Node, address: str) -> None:
        with pytest.raises(LocalProtocolError, match="closed"):
            await node.dial(address)
        ended.set()

    async with Node(platform=ends.platform) as server:
        (address,) = (await server.listen(ADDRESS)).addresses
        async with anyio.create_task_group() as tasks:
            async with Node(platform=ends.platform) as node:
                tasks.start_soon(dial, node, _nobody(address))
                await anyio.sleep(0.05)
            with anyio.fail_after(5):
                await ended.wait()
    with pytest.raises(LocalProtocolError, match="closed"):
        await node.dial(address)


async def test_an_exception_in_the_block_comes_out_as_it_is(ends: Ends) -> None:
    async def wait(stream: Stream) -> None:
        await stream.read()

    dialed: list[Connection] = []

    async def fail() -> None:
        async with (
            Node(platform=ends.platform, handlers={"/wait/1": wait}) as server,
            Node(platform=ends.platform) as node,
        ):
            dialed.append(await node.dial((await server.listen(ADDRESS)).addresses[0]))
            await dialed[0].open_stream("/wait/1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(ConnectionLost):
        await dialed[0].open_stream("/wait/1")


async def test_a_block_that_was_not_entered_and_one_that_was_twice_are_named(ends: Ends) -> None:
    node = Node(platform=ends.platform)
    with pytest.raises(LocalProtocolError, match="not entered"):
        await node.listen(ADDRESS)
    async with node:
        with pytest.raises(LocalProtocolError, match="only once"):
            await node.__aenter__()


async def test_only_the_main_thread_can_serve_forever(ends: Ends) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        async def main() -> None:
            async with Node(platform=ends.platform) as node:
                await node.serve_forever()

        try:
            anyio.run(main)
        except LocalProtocolError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    await anyio.to_thread.run_sync(thread.join)
    assert "main thread" in str(failed[0])


async def test_serve_forever_ends_with_the_node(ends: Ends) -> None:
    async with Node(platform=ends.platform) as node, anyio.create_task_group() as tasks:
        with anyio.fail_after(5):
            tasks.start_soon(node.serve_forever)
            await anyio.sleep(0.01)
            await node.aclose()


async def test_a_listener_that_stops_accepting_keeps_what_it_has(ends: Ends) -> None:
    async with Node(platform=ends.platform) as server, Node(platform=ends.platform) as node:
        listener = await server.listen(ADDRESS)
        connection = await node.dial(listener.addresses[0])
        listener.stop_accepting()
        async with Node(platform=ends.platform) as late:
            with pytest.raises(HandshakeError):
                await late.dial(listener.addresses[0], timeout=1)
        assert await ping(connection) >= 0
