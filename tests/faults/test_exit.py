"""An interpreter that exits, or is interrupted, with connections open ends at once, and tells the peers."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import anyio
import pytest
from tests.faults.support import ADDRESS, STRESS, run_program
from tests.support import SECONDS

import webrtc_direct
from webrtc_direct import CloseKind, CloseReason

RUNS = 60 if STRESS else 5

OPEN = """
import sys, threading
import anyio
import webrtc_direct
from webrtc_direct import echo_handler

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"
kept = []

async def transfer(connection):
    async with connection.open_stream("/echo") as stream:
        async with anyio.create_task_group() as tasks:
            async def write():
                while True:
                    await stream.write(bytes(100_000))
            tasks.start_soon(write)
            async for _ in stream:
                pass

async def main(end):
    async with webrtc_direct.listen(ADDRESS, handlers={"/echo": echo_handler}) as listener:
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            kept.extend([listener, connection, await connection.open_stream("/echo")])
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(transfer, connection)
                await anyio.sleep(0.1)
                print("open", flush=True)
                await end()
"""

ENDS = {
    "sys.exit": "async def end(): sys.exit(0)\nanyio.run(main, end, backend=sys.argv[1])",
    # The loop is given up with everything open; the objects live until the interpreter ends.
    "a daemon thread": (
        "async def end(): opened.set(); await anyio.sleep_forever()\n"
        "opened = threading.Event()\n"
        "threading.Thread(target=lambda: anyio.run(main, end, backend=sys.argv[1]), daemon=True).start()\n"
        "assert opened.wait(20)"
    ),
    "kept objects": (
        "class Done(Exception): pass\n"
        "async def end(): raise Done\n"
        "try:\n    anyio.run(main, end, backend=sys.argv[1])\n"
        "except BaseException as error:\n    kept.append(error)"
    ),
    "os._exit": "import os\nasync def end(): os._exit(0)\nanyio.run(main, end, backend=sys.argv[1])",
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("end", ENDS)
def test_an_exit_with_open_connections_is_silent(end: str, backend: str) -> None:
    program = OPEN + ENDS[end]
    if end == "sys.exit":
        # It comes out of task groups, which wrap it.
        program = program.replace("\nanyio.run(", "\ntry:\n    anyio.run(") + "\nexcept* SystemExit: pass"
    ended = run_program(program, backend)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "open\n", "")


DIALED = """
import sys, threading
import anyio
import webrtc_direct

kept = []

async def main(end):
    async with webrtc_direct.dial(sys.argv[2]) as connection:
        kept.append(connection)
        print("open", flush=True)
        await end()
"""


@pytest.mark.parametrize("end", [end for end in ENDS if end != "os._exit"])
async def test_an_exit_with_an_open_connection_tells_the_peer(end: str, anyio_backend_name: str) -> None:
    told: list[CloseKind] = []
    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(ADDRESS) as listener:
            ended = anyio.Event()

            def note(_: object, reason: CloseReason) -> None:
                told.append(reason.kind)
                ended.set()

            listener.on_disconnected = note
            program = [sys.executable, "-c", DIALED + ENDS[end], anyio_backend_name, listener.addresses[0]]
            async with await anyio.open_process(program, stdin=None, stdout=None, stderr=None):
                # Long before the peer's silence would be one.
                with anyio.fail_after(SECONDS / 2):
                    await ended.wait()
    assert told == [CloseKind.REMOTE]


INTERRUPTED = """
import sys, signal
import anyio
print("ready", flush=True)
import webrtc_direct
from webrtc_direct import echo_handler, ping

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"

async def use(address):
    while True:
        async with webrtc_direct.dial(address) as connection:
            await ping(connection)
            async with connection.open_stream("/echo") as stream:
                await stream.write(bytes(300_000))
                await stream.close_write()
                async for _ in stream:
                    pass

async def interrupted(tasks):
    with anyio.open_signal_receiver(signal.SIGINT) as signals:
        print("running", flush=True)
        async for _ in signals:
            tasks.cancel_scope.cancel()
            return

async def main():
    async with webrtc_direct.listen(ADDRESS, handlers={"/echo": echo_handler}) as listener:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(use, listener.addresses[0])
            if sys.argv[2] == "received":
                tasks.start_soon(interrupted, tasks)
            else:
                print("running", flush=True)

try:
    anyio.run(main, backend=sys.argv[1])
except* KeyboardInterrupt:
    # From here on the interpreter ends on its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(0)
"""


@pytest.mark.parametrize(
    ("backend", "how"),
    [("asyncio", "raised"), ("asyncio", "received"), ("trio", "received"), ("trio", "raised")],
)
def test_an_interrupt_at_any_moment_ends_the_process(backend: str, how: str) -> None:
    moments = random.Random(4)
    for _ in range(RUNS if how == "received" or backend == "asyncio" else RUNS // 2):
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", INTERRUPTED, backend, how],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                if process.stdout is None:
                    raise AssertionError("its output is a pipe")
                while process.stdout.readline() not in ("running\n", ""):
                    pass
                moment = moments.random() * 0.15
                time.sleep(moment)
                process.send_signal(signal.SIGINT)
                _, problems = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        if (backend, how) == ("trio", "raised"):
            # Trio raises it wherever it finds the program, between any two lines of a context manager, too.
            # So the scopes may be left in disorder; but the process ends.
            assert process.returncode in (0, 1), f"interrupted after {moment:.3f} s: {problems}"
        else:
            assert (process.returncode, problems) == (0, ""), f"interrupted after {moment:.3f} s"
