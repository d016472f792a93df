"""Keep a connection beyond one task on trio: a task of its own holds it, and any task may close it."""

import trio
from hello import ADDRESS, HANDLERS, greet

import webrtc_direct


async def hold(address: str, task_status: trio.TaskStatus[webrtc_direct.Connection]) -> None:
    """Hold a connection until somebody closes it, in any task and in any order."""
    async with webrtc_direct.dial(address) as connection:
        task_status.started(connection)
        await connection.wait_closed()


async def main() -> None:
    """Of two such connections, the older is closed first, by another task."""
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener, trio.open_nursery() as nursery:
        first = await nursery.start(hold, listener.addresses[0])
        second = await nursery.start(hold, listener.addresses[0])
        async with trio.open_nursery() as others:
            others.start_soon(first.aclose)
        print(await greet(second))
        await second.aclose()


if __name__ == "__main__":
    trio.run(main)
