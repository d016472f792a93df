"""asyncio's own tools around the package: task groups, timeouts, cancellation from outside."""

import asyncio
import socket
import time

from hello import ADDRESS, HANDLERS, dial_and_greet, greet

import webrtc_direct


async def main() -> None:
    """Many tasks on one connection, many connections, and dials that are given up."""
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        address = listener.addresses[0]
        async with (
            asyncio.timeout(30),
            webrtc_direct.dial(address) as connection,
            asyncio.TaskGroup() as tasks,
        ):
            greetings = [tasks.create_task(greet(connection)) for _ in range(5)]
            greetings += [tasks.create_task(dial_and_greet(address)) for _ in range(3)]
        await given_up(address)
        print(*{greeting.result() for greeting in greetings})


async def given_up(address: str) -> None:
    """Nobody answers: a timeout and a cancellation come out as they are, and at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        _, _, tail = address.partition("/webrtc-direct")
        nobody = f"/ip4/127.0.0.1/udp/{silent.getsockname()[1]}/webrtc-direct{tail}"
        began = time.monotonic()
        try:
            async with asyncio.timeout(0.3), webrtc_direct.dial(nobody):
                raise SystemExit("nobody listens there")
        except TimeoutError:
            pass
        dialling = asyncio.create_task(dial_and_greet(nobody))
        await asyncio.sleep(0.3)
        dialling.cancel()
        ended = await asyncio.gather(dialling, return_exceptions=True)
        if not isinstance(ended[0], asyncio.CancelledError) or time.monotonic() - began > 10:
            raise SystemExit(f"{ended} after {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    asyncio.run(main())
