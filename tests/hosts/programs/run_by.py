"""`python run_by.py WAY` runs hello.py's program in one of the ways to run an event loop."""

import asyncio
import sys
from typing import Any

import anyio
import sniffio
import trio
import uvloop
from hello import main


def runner(**options: Any) -> None:
    with asyncio.Runner(**options) as running:
        running.run(main())


def own_loop() -> None:
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def with_eager_tasks() -> None:
    async def eagerly() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await asyncio.create_task(main())

    asyncio.run(eagerly())


async def as_guest() -> None:
    """Trio in an asyncio program: its run is a guest of the other's loop."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    trio.lowlevel.start_guest_run(
        main, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
    )
    (await done).unwrap()


WAYS = {
    "asyncio.run": lambda: asyncio.run(main()),
    "asyncio.run, debug": lambda: asyncio.run(main(), debug=True),
    "asyncio.Runner, debug": lambda: runner(debug=True),
    "asyncio.Runner, uvloop": lambda: runner(loop_factory=uvloop.new_event_loop),
    "asyncio, eager tasks": with_eager_tasks,
    "a loop of its own": own_loop,
    "uvloop.run": lambda: uvloop.run(main()),
    "anyio.run, asyncio": lambda: anyio.run(main, backend="asyncio"),
    "anyio.run, asyncio with uvloop": lambda: anyio.run(main, backend_options={"use_uvloop": True}),
    "anyio.run, trio": lambda: anyio.run(main, backend="trio"),
    "trio.run": lambda: trio.run(main),
    "trio, guest of asyncio": lambda: asyncio.run(as_guest()),
}

if __name__ == "__main__":
    # Sniffio is there and loaded, as in most programs of today: trio brings it.
    if sniffio.current_async_library_cvar.get() is not None:
        raise SystemExit("nothing runs yet")
    WAYS[sys.argv[1]]()
