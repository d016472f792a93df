"""Short of descriptors, listening and dialling fail with the system's error; later they work again."""

import asyncio
import errno
import os
import resource

from hello import main


async def with_spare(count: int) -> str:
    """Run the program with so many descriptors left, and say how it went."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + count, hard))
    try:
        async with asyncio.timeout(20):
            await main()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return "works"


async def ever_more() -> None:
    await main()  # What is loaded late is loaded now.
    results = [await with_spare(count) for count in range(12)]
    await main()
    print(*sorted(set(results)), results[0], results[-1])


if __name__ == "__main__":
    asyncio.run(ever_more())
