"""`python processes.py spawn|fork|forkserver`: a child dials its parent that listens, and listens itself."""

import asyncio
import multiprocessing
import sys

from hello import ADDRESS, HANDLERS, dial_and_greet, main

import webrtc_direct


async def both(address: str) -> None:
    """What a child does: it has an engine of its own."""
    print(await dial_and_greet(address), flush=True)
    await main()


def child(address: str) -> None:
    asyncio.run(both(address))


async def parent(method: str) -> None:
    """Start a child while a listener and a connection are there; both still work afterwards."""
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        address = listener.addresses[0]
        async with webrtc_direct.dial(address) as connection:
            process = multiprocessing.get_context(method).Process(target=child, args=(address,))
            process.start()
            await asyncio.to_thread(process.join, 60)
            await webrtc_direct.ping(connection)
            print(process.exitcode)


if __name__ == "__main__":
    asyncio.run(parent(sys.argv[1]))
