"""A page, a go-libp2p node and py-libp2p nodes chat, while members are killed and others join."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
import trio
from tests.beside.chat.members import GO_NODE, PageMember
from tests.beside.py_libp2p.hosts import SECONDS
from tests.beside.py_libp2p.members import Member, all_read_all

if TYPE_CHECKING:
    from tests.browser.chromium import Chromium

pytestmark = pytest.mark.anyio


async def test_lines_are_read_by_all_also_after_members_were_killed_and_joined(browser: Chromium) -> None:
    with trio.fail_after(10 * SECONDS):
        async with anyio.create_task_group() as tasks:
            first = await Member.join(tasks)
            go = await Member.join(tasks, first.address, program=GO_NODE)
            second = await Member.join(tasks, go.address)
            page = await PageMember.join(browser, go.address, second.address)
            await all_read_all([first, go, second, page], "hello")
            first.kill()
            third = await Member.join(tasks, go.address, second.address)
            await all_read_all([go, second, third, page], "again")
            go.kill()
            go = await Member.join(tasks, second.address, third.address, program=GO_NODE)
            await all_read_all([go, second, third, page], "at last")
            await page.shows("document.querySelectorAll('#members .gone').length === 1")
            for member in (go, second, third):
                assert await member.leave() == 0


async def test_the_page_says_why_it_cannot_join(browser: Chromium) -> None:
    page = await PageMember.join(browser)
    assert "Nobody hears you yet" in await page.text("#alone")
    await page.dial("/ip4/127.0.0.1")
    await page.shows("!document.getElementById('problem').hidden")
    assert await page.text("#problem")
