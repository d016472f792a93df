"""Blocks entered in one task and left in another: all is closed, and nothing else happens."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

from hello import ADDRESS, HANDLERS, greet

import webrtc_direct


async def leave(manager: AbstractAsyncContextManager[Any]) -> None:
    """Leave *manager*'s block in a task that did not enter it."""
    await asyncio.create_task(manager.__aexit__(None, None, None))


async def main() -> None:
    listening = webrtc_direct.listen(ADDRESS, handlers=HANDLERS)
    listener = await asyncio.create_task(listening.__aenter__())
    dialling = webrtc_direct.dial(listener.addresses[0])
    connection = await asyncio.create_task(dialling.__aenter__())
    print(await greet(connection))
    await leave(dialling)
    await leave(listening)
    reason = await connection.wait_closed()
    print(reason.detail, len(listener.connections), len(asyncio.all_tasks()))


if __name__ == "__main__":
    asyncio.run(main())
