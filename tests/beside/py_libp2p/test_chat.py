"""The chat of the examples: programs that gossip, while members leave and join."""

from __future__ import annotations

import anyio
import pytest
import trio
from tests.beside.py_libp2p.hosts import SECONDS
from tests.beside.py_libp2p.members import Member, all_read_all

pytestmark = pytest.mark.anyio


async def test_lines_are_read_by_all_also_after_members_were_killed_and_joined() -> None:
    with trio.fail_after(4 * SECONDS):
        async with anyio.create_task_group() as tasks:
            first = await Member.join(tasks)
            second, third = [await Member.join(tasks, first.address) for _ in range(2)]
            await all_read_all([first, second, third], "hello")
            third.kill()
            fourth = await Member.join(tasks, second.address)
            await all_read_all([first, second, fourth], "again")
            for member in (fourth, second, first):
                assert await member.leave() == 0
