"""webrtc-direct holding a connection and telling how it goes: for ``crash.py``."""

from __future__ import annotations

import argparse
import json

import anyio
from python_transfers import ECHO_PROTOCOL

import webrtc_direct

ECHO_EVERY_SECONDS = 0.5


async def watch(address: str, version: str, *, active: bool) -> None:
    """Dial *address* and stay until the connection ends."""
    async with webrtc_direct.dial(address, version=version) as connection, anyio.create_task_group() as tasks:
        if active:
            stream = await connection.open_stream(ECHO_PROTOCOL)
            # The first one is there before anything may happen to the other end.
            await _echo(stream)
            tasks.start_soon(_keep_echoing, stream)
        _tell(event="connected")
        reason = await connection.wait_closed()
        _tell(event="ended", detail=reason.detail)


async def _keep_echoing(stream: webrtc_direct.Stream) -> None:
    try:
        while True:
            await anyio.sleep(ECHO_EVERY_SECONDS)
            await _echo(stream)
    except webrtc_direct.WebRtcDirectError as error:
        _tell(event="stream-ended", detail=str(error))


async def _echo(stream: webrtc_direct.Stream) -> None:
    await stream.write(b"\1")
    await stream.read_exactly(1)


def _tell(**event: str) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("address", metavar="MULTIADDR")
    parser.add_argument("--version", choices=("v1", "v2"), default="v1")
    parser.add_argument("--active", action="store_true", help="a byte goes to and fro all the time")
    chosen = parser.parse_args()
    anyio.run(lambda: watch(chosen.address, chosen.version, active=chosen.active))
