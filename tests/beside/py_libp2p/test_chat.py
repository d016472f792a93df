"""The chat of the examples: programs that gossip, while members leave and join."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
import trio
from anyio.streams.text import TextReceiveStream
from tests.beside.py_libp2p.hosts import SECONDS, until

if TYPE_CHECKING:
    from anyio.abc import Process, TaskGroup

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).resolve().parents[3] / "examples" / "libp2p_chat" / "node.py"


class Member:
    """A program of the chat, and what it has printed."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.printed = ""

    @classmethod
    async def join(cls, tasks: TaskGroup, *addresses: str) -> Member:
        """Start one, and return once it has printed its address."""
        command = [sys.executable, str(PROGRAM), *addresses]
        member = cls(await anyio.open_process(command, stderr=subprocess.STDOUT))
        tasks.start_soon(member.collect)
        await until(lambda: "\n" in member.printed)
        return member

    @property
    def address(self) -> str:
        return next(line for line in self.printed.splitlines() if line.startswith("/ip4/"))

    async def collect(self) -> None:
        assert self._process.stdout is not None
        async for text in TextReceiveStream(self._process.stdout):
            self.printed += text

    async def type(self, line: str) -> None:
        assert self._process.stdin is not None
        await self._process.stdin.send(f"{line}\n".encode())

    async def leave(self) -> int:
        """End its input."""
        assert self._process.stdin is not None
        await self._process.stdin.aclose()
        return await self._process.wait()

    def kill(self) -> None:
        self._process.kill()


async def all_read_all(members: list[Member], name: str) -> None:
    """What is typed at each is read at all, whenever the mesh of gossipsub is ready for it."""
    for number, member in enumerate(members):
        line = f"{name} {number}"
        with trio.fail_after(SECONDS):
            while not all(f": {line}\n" in each.printed for each in members):
                await member.type(line)
                await trio.sleep(1)


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
