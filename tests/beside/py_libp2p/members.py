"""Members of the chat of the examples: programs that print what they read, and send what is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import anyio
import trio
from anyio.streams.text import TextReceiveStream
from tests.beside.py_libp2p.hosts import SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import Process, TaskGroup

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "libp2p_chat"
PYTHON_NODE = (sys.executable, str(FOLDER / "node.py"))


class Reader(Protocol):
    """Whoever is in the room."""

    async def type(self, line: str) -> None: ...

    async def has_read(self, line: str) -> bool: ...


class Member:
    """A program of the chat, and what it has printed."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.printed = ""

    @classmethod
    async def join(cls, tasks: TaskGroup, *addresses: str, program: Sequence[str] = PYTHON_NODE) -> Member:
        """Start one, and return once it has printed its address."""
        member = cls(await anyio.open_process([*program, *addresses], stderr=subprocess.STDOUT))
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

    async def has_read(self, line: str) -> bool:
        return f": {line}\n" in self.printed

    async def leave(self) -> int:
        """End its input."""
        assert self._process.stdin is not None
        await self._process.stdin.aclose()
        return await self._process.wait()

    def kill(self) -> None:
        self._process.kill()


async def all_read_all(members: Sequence[Reader], name: str) -> None:
    """What is typed at each is read at all, whenever the mesh of gossipsub is ready for it."""
    for number, member in enumerate(members):
        line = f"{name} {number}"
        with trio.fail_after(SECONDS):
            while not await _all_have_read(members, line):
                await member.type(line)
                await trio.sleep(1)
    # It is ready now: each line arrives that is typed once.
    for number, member in enumerate(members):
        line = f"{name} {number} once"
        await member.type(line)
        with trio.fail_after(SECONDS):
            while not await _all_have_read(members, line):  # noqa: ASYNC110 - a page tells nobody
                await trio.sleep(0.1)


async def _all_have_read(members: Sequence[Reader], line: str) -> bool:
    return all([await each.has_read(line) for each in members])
