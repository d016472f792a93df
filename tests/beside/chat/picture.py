"""Takes the picture of the page for the documentation, where the members of a chat are.

Run as ``python -m tests.beside.chat.picture FILE``, from the root and in an environment that has libp2p,
after ``make chat-check`` has built the members.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import trio
from tests.beside.chat.members import GO_NODE, PageMember
from tests.beside.py_libp2p.hosts import SECONDS
from tests.beside.py_libp2p.members import Member
from tests.browser.chromium import Chromium

LINES = (
    ("python", "Hello! I run py-libp2p."),
    ("go", "And I run go-libp2p."),
    ("page", "I am a page with js-libp2p. Who is there?"),
    ("other", "A second Python, and I know only the go node."),
    ("page", "So your lines reach me through it."),
)


async def main(path: Path) -> None:
    """Let all say something, one after the other."""
    with Chromium() as browser, trio.fail_after(3 * SECONDS):
        async with anyio.create_task_group() as tasks:
            python = await Member.join(tasks)
            go = await Member.join(tasks, python.address, program=GO_NODE)
            other = await Member.join(tasks, go.address)
            page = await PageMember.join(browser, python.address, go.address)
            # Until the mesh of gossipsub is there.
            await trio.sleep(5)
            members = {"python": python, "go": go, "other": other, "page": page}
            for name, line in LINES:
                await members[name].type(line)
                while not await page.has_read(line):  # noqa: ASYNC110 - a page tells nobody
                    await trio.sleep(0.1)
            await page.picture(path)
            for program in (other, go, python):
                await program.leave()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]).resolve())
