"""A listener is killed and started again with the same files and port; who was connected learns of it."""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.support import ECHO, SECONDS, unused_port

import webrtc_direct
from webrtc_direct import CloseKind, ConnectionLost, ping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# How long nobody listens.
DOWN = 1.5
# From when it listens again. A dialer that waits for something has checked at growing intervals, the last of
# four seconds; an idle one checks each 5 s, give or take one. Both check once more a second later.
MOST = {"active": 6.0, "idle": 8.0}


@asynccontextmanager
async def listening(folder: Path, port: int) -> AsyncIterator[str]:
    """Run the command, and yield its address; it is killed at the end."""
    files = ["--identity", str(folder / "identity"), "--certificate", str(folder / "certificate")]
    address = f"/ip4/127.0.0.1/udp/{port}/webrtc-direct"
    command = [sys.executable, "-m", "webrtc_direct.cli", "listen", "--json", "--echo", *files, address]
    async with await anyio.open_process(command, stderr=None) as process:
        try:
            if process.stdout is None:
                raise AssertionError("its output is a pipe")
            line = b""
            while not line.endswith(b"\n"):
                line += await process.stdout.receive()
            yield json.loads(line)["addresses"][0]
        finally:
            process.kill()


@pytest.mark.parametrize("what", ["active", "idle"])
async def test_a_dialer_learns_that_its_listener_was_killed_and_started_again(
    what: str, tmp_path: Path
) -> None:
    port = unused_port()
    with anyio.fail_after(SECONDS):
        async with AsyncExitStack() as stack:
            async with listening(tmp_path, port) as address:
                connection = await stack.enter_async_context(webrtc_direct.dial(address))
                stream = await stack.enter_async_context(connection.open_stream(ECHO))
                await ping(connection)
            await anyio.sleep(DOWN)
            async with listening(tmp_path, port) as again:
                up = anyio.current_time()
                assert again == address
                if what == "active":
                    await stream.write(b"is anybody there?")
                with pytest.raises(ConnectionLost) as caught:
                    await stream.read()
                took = anyio.current_time() - up
                assert caught.value.reason.kind is CloseKind.REMOTE
                assert "does not know it any more" in caught.value.reason.detail
                assert took < MOST[what], took
                # A new connection is made at once.
                async with webrtc_direct.dial(address) as another:
                    await ping(another)
