"""What py-libp2p nodes find in the Kademlia DHT when each knows a go-libp2p node alone."""

from __future__ import annotations

import sys

import anyio
import pytest
import trio
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr
from tests.beside.chat.members import GO_NODE
from tests.beside.py_libp2p.hosts import SECONDS, running, until
from tests.beside.py_libp2p.members import FOLDER, Member

pytestmark = pytest.mark.anyio

LOOKUP = (sys.executable, str(FOLDER / "lookup.py"))


async def test_members_that_announced_themselves_are_found_and_dialed() -> None:
    with trio.fail_after(2 * SECONDS):
        async with anyio.create_task_group() as tasks:
            go = await Member.join(tasks, program=GO_NODE)
            members = []
            for number in range(3):
                member = await Member.join(tasks, go.address, program=LOOKUP)
                await until(lambda member=member: "announced True\n" in member.printed)
                found = {line for line in member.printed.splitlines() if line.startswith("found ")}
                assert found == {f"found {each.printed.split()[2]}" for each in members}, number
                members.append(member)
            for member in (*members, go):
                assert await member.leave() == 0


async def test_a_peer_is_found_by_its_id_and_dialed() -> None:
    with trio.fail_after(2 * SECONDS):
        async with (
            anyio.create_task_group() as tasks,
            running() as one,
            running() as other,
        ):
            go = await Member.join(tasks, program=GO_NODE)
            known = info_from_p2p_addr(Multiaddr(go.address))
            tables = [KadDHT(host, DHTMode.SERVER) for host in (one, other)]
            async with background_trio_service(tables[0]), background_trio_service(tables[1]):
                for host, table in zip((one, other), tables, strict=True):
                    await host.connect(known)
                    await table.add_peer(known.peer_id)
                found = None
                # Identify tells the go node where the other one is.
                while found is None or not found.addrs:
                    found = await tables[0].find_peer(other.get_id())
                    await trio.sleep(0.1)
                await one.connect(found)
                assert other.get_id() in one.get_network().connections
            assert await go.leave() == 0
