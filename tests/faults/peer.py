"""A listener in a process of its own: prints its address, and serves until its input ends.

Run as ``python peer.py``. Streams of ``/sink`` are hashed; the digest is the answer.
"""

from __future__ import annotations

import hashlib
import os
import sys

import anyio

import webrtc_direct
from webrtc_direct import Limits, Stream, echo_handler

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"


async def sink(stream: Stream) -> None:
    digest = hashlib.sha256()
    async for chunk in stream:
        digest.update(chunk)
    await stream.write(digest.digest())


async def source(stream: Stream) -> None:
    """Send as many bytes as the first eight say."""
    missing = int.from_bytes(await stream.read_exactly(8), "big")
    while missing:
        size = min(missing, 1 << 18)
        await stream.write(bytes(size))
        missing -= size
    await stream.close_write()


async def unread(stream: Stream) -> None:
    await anyio.sleep_forever()


async def main() -> None:
    limits = Limits(silence_timeout=float(os.environ.get("SILENCE", "20")))
    handlers = {"/echo/1.0.0": echo_handler, "/sink": sink, "/source": source, "/unread": unread}
    async with webrtc_direct.listen(ADDRESS, handlers=handlers, limits=limits) as listener:
        print(listener.addresses[0], flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)


anyio.run(main, backend=os.environ.get("BACKEND", "asyncio"))
