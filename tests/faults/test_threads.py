"""Many event loops, each in a thread of its own, share the package and its engine."""

from __future__ import annotations

import threading

import anyio
from tests.faults.support import ADDRESS, HANDLERS, STRESS, echoes
from tests.support import SECONDS

import webrtc_direct
from webrtc_direct import ping

LOOPS = 24 if STRESS else 8
ROUNDS = 20 if STRESS else 3


def _run_loops(backends: list[str]) -> None:
    """Run a loop in each of several threads; each dials the next one's listener."""
    addresses: list[str | None] = [None] * len(backends)
    problems: list[BaseException] = []
    barrier = threading.Barrier(len(backends))

    async def one(index: int) -> None:
        with anyio.fail_after(2 * SECONDS):
            async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
                addresses[index] = listener.addresses[0]
                while (address := addresses[(index + 1) % len(backends)]) is None:  # noqa: ASYNC110 - threads
                    await anyio.sleep(0.01)
                for _ in range(ROUNDS):
                    async with webrtc_direct.dial(address) as connection:
                        await ping(connection)
                        assert await echoes(connection, bytes([index]) * 200_000)
                    # Every second one is given up in the middle.
                    with anyio.move_on_after(0.001 * index):
                        async with webrtc_direct.dial(address) as connection:
                            await ping(connection)
                await anyio.to_thread.run_sync(barrier.wait, 2 * SECONDS)

    def run(index: int, backend: str) -> None:
        try:
            anyio.run(one, index, backend=backend)
        except BaseException as error:  # noqa: BLE001 - it is raised in the main thread
            problems.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(backends)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * SECONDS)
        assert not thread.is_alive()
    if problems:
        raise problems[0]


async def test_many_loops_at_once() -> None:
    await anyio.to_thread.run_sync(_run_loops, ["asyncio", "trio"] * (LOOPS // 2))


async def test_one_loop_after_the_other() -> None:
    # Engines start and end; each finds a fresh one.
    for index in range(2 * LOOPS):
        await anyio.to_thread.run_sync(_run_loops, [("asyncio", "trio")[index % 2]])
