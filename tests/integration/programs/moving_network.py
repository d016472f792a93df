"""A dialer whose network goes and comes back with another address, while its connection is up.

Run it by ``unshare --user --map-root-user --net``, with where to listen and the event loop. The listener is a
process of its own, in a network of its own; a pair of interfaces joins the two.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

import webrtc_direct
from webrtc_direct import CloseReason, ConnectionLost, Limits, echo_handler, ping

if TYPE_CHECKING:
    from collections.abc import Iterator

IP = shutil.which("ip", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or "ip"
SERVER = "10.0.0.1"
SIZE = 10_000_000
LIMITS = Limits(silence_timeout=6.0, consent_interval=1.0)


def ip(*words: str) -> None:
    """Change this network."""
    subprocess.run([IP, *words], check=True)


class Far:
    """The listener's process: each line that it is told is done there, and answered with a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, line: str) -> str:
        """Return the answer to *line*."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both are pipes")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def far(where: str, backend: str) -> Iterator[Far]:
    """A listener *where*, at the other end of the interface ``near``, which is 10.0.0.2."""
    ip("link", "add", "near", "type", "veth", "peer", "name", "far")
    command = ["unshare", "--net", sys.executable, __file__, "listen", where, backend]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        other = Far(process)
        # It answers, so it is in its own network.
        other.tell("")
        ip("link", "set", "far", "netns", str(process.pid))
        ip("address", "add", "10.0.0.2/24", "dev", "near")
        ip("link", "set", "near", "up")
        other.tell("link set far up")
        other.tell(f"address add {SERVER}/24 dev far")
        yield other
    finally:
        process.kill()
        process.communicate()


async def listen(where: str) -> None:
    """Do what is said on stdin, and listen once ``listen`` is."""
    lost: list[str] = []
    is_lost = anyio.Event()

    def note(_: object, reason: CloseReason) -> None:
        """Keep why the connection was lost."""
        lost.append(reason.kind.value)
        is_lost.set()

    command = ""
    while command != "listen":
        command = sys.stdin.readline().strip()
        if command not in ("", "listen"):
            ip(*command.split())
        if command != "listen":
            print("done", flush=True)
    address = f"/ip4/{where}/udp/0/webrtc-direct"
    announce = [f"/ip4/{SERVER}/udp/0/webrtc-direct"]
    async with webrtc_direct.listen(
        address, handlers={"/echo": echo_handler}, announce=announce, limits=LIMITS
    ) as listener:
        listener.on_disconnected = note
        print(listener.addresses[0], flush=True)
        while words := (await run_sync(sys.stdin.readline)).split():
            if words[0] == "lost":
                await is_lost.wait()
                print(lost[0], flush=True)
            else:
                ip(*words)
                print("done", flush=True)


async def dial(other: Far) -> list[object]:
    """Move: how much came back in a transfer meanwhile, and why both ends lost the connection at last."""
    answers: list[object] = []
    async with webrtc_direct.dial(other.tell("listen"), limits=LIMITS) as connection:
        await ping(connection)
        for host in (3, 4):
            # At rest, and with a gap.
            await move(host, gap=host - 3)
            await ping(connection)
        async with connection.open_stream("/echo") as stream, anyio.create_task_group() as tasks:
            tasks.start_soon(say, stream)
            received = len(await stream.read_exactly(SIZE // 20))
            await move(5, gap=1)
            while data := await stream.read():
                received += len(data)
        answers.append(received)
        # Now the listener's own network goes, and comes back as it was.
        other.tell(f"address del {SERVER}/24 dev far")
        await anyio.sleep(1)
        other.tell(f"address add {SERVER}/24 dev far")
        await ping(connection)
        ip("address", "flush", "dev", "near")
        try:
            await ping(connection)
        except ConnectionLost as error:
            answers.append([error.reason.kind.value, other.tell("lost")])
    return answers


async def move(host: int, *, gap: float) -> None:
    """Take the address away, and give another one after *gap* seconds."""
    ip("address", "flush", "dev", "near")
    await anyio.sleep(gap)
    ip("address", "add", f"10.0.0.{host}/24", "dev", "near")


async def say(stream: webrtc_direct.Stream) -> None:
    """Write, and end."""
    await stream.write(bytes(SIZE))
    await stream.close_write()


if __name__ == "__main__":
    role, place, loop = sys.argv[1:]
    if role == "listen":
        anyio.run(listen, place, backend=loop)
    else:
        with far(place, loop) as far_end:
            print(json.dumps(anyio.run(dial, far_end, backend=loop)))
