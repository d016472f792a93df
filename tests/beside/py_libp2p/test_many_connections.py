"""Many connections to one host, and what they leave behind."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
import trio
from libp2p.peer.peerinfo import info_from_p2p_addr
from tests.beside.py_libp2p.hosts import ECHO, SECONDS, until
from tests.beside.py_libp2p.hosts import running as running_host

from webrtc_direct import Connection, Stream
from webrtc_direct.libp2p.connection import MuxedConn
from webrtc_direct.libp2p.stream import MuxedStream

if TYPE_CHECKING:
    from libp2p.abc import IHost

pytestmark = pytest.mark.anyio

IN_TURN, AT_ONCE = 500, 100
# About 1.2 KiB for each connection was seen.
KEPT_BYTES = 4 * 1024 * 1024


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def tasks() -> int:
    gc.collect()
    return trio.lowlevel.current_statistics().tasks_living


async def dial_echo_and_leave(client: IHost, server: IHost) -> None:
    (address,) = server.get_addrs()
    info = info_from_p2p_addr(address)
    with trio.fail_after(SECONDS):
        connection = await client.get_network().dial_addr(info.addrs[0], info.peer_id)
        stream = await connection.new_stream()
        await stream.reset()
        await connection.close()


async def come_and_go(server: IHost, count: int) -> None:
    """*count* connections, one after the other."""
    async with running_host() as client:
        for _ in range(count):
            await dial_echo_and_leave(client, server)


async def come_at_once(server: IHost, count: int) -> None:
    """*count* hosts that are connected at the same time, each with an echo."""
    (address,) = server.get_addrs()
    here, leave = [], trio.Event()

    async def visit() -> None:
        async with running_host() as client:
            await client.connect(info_from_p2p_addr(address))
            stream = await client.new_stream(server.get_id(), [ECHO])
            await stream.write(b"hello")
            assert await stream.read(5) == b"hello"
            here.append(client.get_id())
            await leave.wait()

    with trio.fail_after(2 * SECONDS):
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(visit)
            await until(lambda: len(here) == count)
            assert len(server.get_network().connections) == count
            leave.set()


def left_behind() -> list[object]:
    """What one connection has of ours."""
    gc.collect()
    kinds = (Connection, Stream, MuxedConn, MuxedStream)
    return [each for each in gc.get_objects() if isinstance(each, kinds)]


async def test_connections_in_turn_are_all_taken_and_leave_nothing_behind() -> None:
    async with running_host() as server:
        await come_and_go(server, 100)
        await until(lambda: not server.get_network().connections)
        before = (tasks(), descriptors(), resident_bytes())
        await come_and_go(server, IN_TURN)
        await until(lambda: not server.get_network().connections and tasks() <= before[0])
        # The engine's thread closes sockets.
        await until(lambda: descriptors() <= before[1])
        assert resident_bytes() - before[2] < KEPT_BYTES
        assert left_behind() == []


async def test_connections_at_once_are_all_taken_and_leave_nothing_behind() -> None:
    async with running_host() as server:
        await come_at_once(server, 1)
        await until(lambda: not server.get_network().connections)
        before = (tasks(), descriptors())
        await come_at_once(server, AT_ONCE)
        await until(lambda: not server.get_network().connections and tasks() <= before[0])
        await until(lambda: descriptors() <= before[1])
        # Of memory this says nothing: 100 hosts of py-libp2p were in this process as well.
        assert left_behind() == []
