"""What the tests of faults share: ways to listen and dial, what a process holds, a harness that cancels."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import anyio
from tests.support import ECHO, SECONDS, echo, settled

import webrtc_direct
from webrtc_direct import Limits, echo_handler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping

    from webrtc_direct import Connection, Handler, Listener, Stream

# Long variants run with STRESS=1 in the environment.
STRESS = os.environ.get("STRESS") == "1"
ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"
SINK = "/sink"
ENGINE_THREAD = "webrtc-direct"

T = TypeVar("T")


async def sink_handler(stream: Stream) -> None:
    """Read to the end and answer with the number of bytes."""
    count = 0
    async for chunk in stream:
        count += len(chunk)
    await stream.write(str(count).encode())


async def unread_handler(stream: Stream) -> None:
    """Never read."""
    await anyio.sleep_forever()


HANDLERS = {ECHO: echo_handler, SINK: sink_handler, "/unread": unread_handler}


@asynccontextmanager
async def connected_pair(
    handlers: Mapping[str, Handler] = HANDLERS, limits: Limits | None = None
) -> AsyncIterator[tuple[Connection, Connection, Listener]]:
    """The dialer's end, the listener's end, and the listener."""
    async with (
        webrtc_direct.listen(ADDRESS, handlers=handlers, limits=limits) as listener,
        webrtc_direct.dial(listener.addresses[0], limits=limits) as client,
    ):
        await settled(lambda: bool(listener.connections), "the listener has the connection")
        yield client, listener.connections[0], listener


async def echoes(connection: Connection, data: bytes) -> bool:
    """Say whether *data* comes back unchanged."""
    return await echo(connection, data) == data


def engine_threads() -> int:
    """Return how many threads of the engine run."""
    count = 0
    for thread in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{thread}/comm") as comm:
                count += comm.read().strip() == ENGINE_THREAD
        except (FileNotFoundError, ProcessLookupError):
            continue  # It has ended meanwhile.
    return count


def descriptors() -> int:
    """Return how many descriptors are open."""
    return len(os.listdir("/proc/self/fd"))


def python_threads() -> set[str]:
    """Return the names of Python's threads, less those that the event loops keep for a while."""
    kept = ("Trio", "AnyIO", "asyncio")
    return {thread.name for thread in threading.enumerate() if not thread.name.startswith(kept)}


def package_tasks() -> list[str]:
    """Return the names of the package's tasks."""
    return [str(task.name) for task in anyio.get_running_tasks() if "webrtc_direct" in str(task.name)]


def package_objects() -> dict[str, int]:
    """Return how many connections, streams, channels and handles of the engine are alive, by type."""
    gc.collect()
    alive: dict[str, int] = {}
    for thing in gc.get_objects():
        kind = type(thing)
        module = getattr(kind, "__module__", "")
        if isinstance(module, str) and module.startswith("webrtc_direct.") and kind.__name__ in _COUNTED:
            alive[kind.__name__] = alive.get(kind.__name__, 0) + 1
    return alive


_COUNTED = {
    "Connection",
    "Listener",
    "MemoryChannel",
    "MemoryConnection",
    "NativeChannel",
    "NativeListener",
    "NativePeerConnection",
    "PingStream",
    "Stream",
    "StreamTable",
}


class Holdings:
    """What the process holds now; ``returned`` waits until it holds no more than that again."""

    def __init__(self) -> None:
        self._objects = package_objects()
        self._descriptors = descriptors()
        self._engine_threads = engine_threads()
        self._threads = python_threads()
        self._tasks = len(package_tasks())

    async def returned(self) -> None:
        await settled(lambda: len(package_tasks()) <= self._tasks, "its tasks have ended")
        await settled(lambda: engine_threads() <= self._engine_threads, "the engine's thread has ended")
        await settled(
            lambda: package_objects() == self._objects, lambda: f"its objects are gone: {package_objects()}"
        )
        await settled(lambda: descriptors() <= self._descriptors, "its descriptors are closed")
        assert python_threads() <= self._threads


class Suspensions(Generic[T]):
    """Awaits something and calls *tell* with a number whenever that suspends its task."""

    def __init__(self, awaitable: Awaitable[T], tell: Callable[[int], None]) -> None:
        self._awaitable = awaitable
        self._tell = tell

    def __await__(self) -> Generator[object, object, T]:
        inner = self._awaitable.__await__()
        count = 0
        answer: object = None
        error: BaseException | None = None
        while True:
            try:
                waited = inner.send(answer) if error is None else inner.throw(error)
            except StopIteration as stop:
                return cast("T", stop.value)
            count += 1
            self._tell(count)
            answer, error = None, None
            try:
                answer = yield waited
            except BaseException as thrown:  # noqa: BLE001 - it is handed on
                error = thrown


async def cancelled_at(count: int, operation: Callable[[], Awaitable[object]]) -> bool:
    """Run *operation*, cancelled when it is suspended the *count*th time; say whether it ended before."""
    finished = False
    with anyio.fail_after(SECONDS), anyio.CancelScope() as scope:

        def tell(number: int) -> None:
            if number == count:
                scope.cancel()

        await Suspensions(operation(), tell)
        finished = not scope.cancel_called
    return finished


async def cancelled_after_turns(turns: int, operation: Callable[[], Awaitable[object]]) -> bool:
    """Run *operation*, cancelled after so many turns of the event loop; say whether it had ended before."""
    finished = False

    async def run() -> None:
        nonlocal finished
        await operation()
        finished = True

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            for _ in range(turns):
                if finished:
                    break
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
    return finished


def turns_to_try() -> Generator[int, None, None]:
    """Yield each number of turns up to some, then ever larger steps; all of them with STRESS=1."""
    turns = 0
    while True:
        yield turns
        turns += 1 if STRESS else 1 + turns // 8


@asynccontextmanager
async def peer_process(*, silence: float = 20.0) -> AsyncIterator[tuple[int, str]]:
    """A listener in a process of its own: its process id and its address. It is killed at the end."""
    environment = {**os.environ, "SILENCE": str(silence)}
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "peer.py")]
    async with await anyio.open_process(command, stderr=None, env=environment) as process:
        try:
            if process.stdout is None:
                raise AssertionError("its output is a pipe")
            with anyio.fail_after(SECONDS):
                line = b""
                while not line.endswith(b"\n"):
                    line += await process.stdout.receive()
            yield process.pid, line.decode().strip()
        finally:
            with suppress(ProcessLookupError):
                # A stopped process ends only by this.
                process.kill()


def run_program(program: str, *arguments: str, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
