"""What ``python_peer.py dial`` does, and a page with Python in it.

It uses the public interface of the package alone, and nothing that a page does not have.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
from python_endings import closed_by_listener, half_close, reset
from python_transfers import checked, echo, perf, ping

import webrtc_direct
from webrtc_direct import KeyPair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webrtc_direct import Connection


async def dial(options: Any) -> dict[str, Any]:
    """Dial and do what *options* ask for; return the event ``result``."""
    identity = await KeyPair.create()
    result: dict[str, Any] = {
        "event": "result",
        "local_peer_id": str(identity.peer_id),
        "address": options.address,
        "connect_ms": [],
        "identify_ms": [],
    }
    # The package loads a module when it is first used; that is no part of a dial.
    connect = webrtc_direct.dial
    with anyio.fail_after(options.timeout):
        for index in range(options.count):
            started = time.perf_counter()
            async with connect(options.address, identity=identity, version=options.version) as connection:
                result["connect_ms"].append(_milliseconds(started))
                await _identify(connection, result)
                if index + 1 == options.count:
                    await _use(connection, options, result)
    return result


async def _identify(connection: Connection, result: dict[str, Any]) -> None:
    started = time.perf_counter()
    info = await webrtc_direct.identify(connection)
    result["identify_ms"].append(_milliseconds(started))
    result |= {
        "peer_id": str(connection.peer_id),
        "version": connection.version,
        "agent": info.agent,
        "protocols": sorted(info.protocols),
    }


async def _use(connection: Connection, options: Any, result: dict[str, Any]) -> None:
    steps: dict[str, tuple[object, Callable[[], Awaitable[object]]]] = {
        "ping_ms": (options.pings, lambda: ping(connection, options.pings)),
        "idle_ping_ms": (options.idle, lambda: _idle_ping(connection, options.idle)),
        "upload": (options.upload, lambda: checked(connection, upload=options.upload)),
        "download": (options.download, lambda: checked(connection, download=options.download)),
        "perf_upload": (options.perf_upload, lambda: perf(connection, upload=options.perf_upload)),
        "perf_download": (options.perf_download, lambda: perf(connection, download=options.perf_download)),
        "echo": (options.echo_size, lambda: echo(connection, options.echo_size, options.echo_streams)),
        "half_close": (options.half_close, lambda: half_close(connection)),
        "reset": (options.reset, lambda: reset(connection)),
        "closed_after_ms": (options.close == "listener", lambda: closed_by_listener(connection)),
    }
    for name, (asked, step) in steps.items():
        result[name] = await step() if asked else None


async def _idle_ping(connection: Connection, seconds: float) -> float:
    """Wait and ping once, on a new stream: go-libp2p and js-libp2p end one that idles for 10 s."""
    await anyio.sleep(seconds)
    (sample,) = await ping(connection, 1)
    return sample


def _milliseconds(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 3)
