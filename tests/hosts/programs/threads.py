"""Two threads, each with an event loop and a listener of its own, dial each other at once."""

import asyncio
import threading
from concurrent.futures import Future

from hello import ADDRESS, HANDLERS, dial_and_greet

import webrtc_direct


async def side(
    mine: Future[str], other: Future[str], greetings: list[bytes], both: threading.Barrier
) -> None:
    """Listen, dial the other side ten times, and stay until it has done so too."""
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        mine.set_result(listener.addresses[0])
        address = await asyncio.wrap_future(other)
        async with asyncio.TaskGroup() as tasks:
            dials = [tasks.create_task(dial_and_greet(address)) for _ in range(10)]
        greetings += [dialled.result() for dialled in dials]
        await asyncio.to_thread(both.wait, 30)


def main() -> None:
    """One side in a thread, one in the main thread."""
    one: Future[str] = Future()
    two: Future[str] = Future()
    greetings: list[bytes] = []
    both = threading.Barrier(2)
    thread = threading.Thread(target=lambda: asyncio.run(side(one, two, greetings, both)))
    thread.start()
    asyncio.run(side(two, one, greetings, both))
    thread.join()
    print(len(greetings), *set(greetings))


if __name__ == "__main__":
    main()
