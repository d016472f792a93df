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
    from collections.abc import Awaitable, Callable, Iterator

    from webrtc_direct import Connection


class StepFailed(Exception):
    """A step of ``dial`` failed; the text says which, and why."""


async def dial(options: Any) -> dict[str, Any]:
    """Dial and do what *options* ask for; return the event ``result``.

    Raises:
        StepFailed: a step failed, or the time for all of them was over.
    """
    steps = _Steps()
    try:
        return await _dial(options, steps)
    except Exception as error:
        reasons = "; ".join(f"{type(each).__name__}: {each}" for each in _leaves(error))
        raise StepFailed(f"{steps.current}: {reasons}{steps.state()}") from error


class _Steps:
    """Where ``dial`` is."""

    def __init__(self) -> None:
        self.current = "connect"
        self.connection: Connection | None = None

    def state(self) -> str:
        """Return how far the last connection came, to be put behind an error."""
        if self.connection is None:
            return ""
        stats = self.connection.stats()
        return f" ({stats.bytes_sent} bytes sent and {stats.bytes_received} received by then)"


async def _dial(options: Any, steps: _Steps) -> dict[str, Any]:
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
    with anyio.fail_after(options.timeout, reason=f"not done within {options.timeout:g} s"):
        for index in range(options.count):
            steps.current, steps.connection = "connect", None
            started = time.perf_counter()
            async with connect(options.address, identity=identity, version=options.version) as connection:
                result["connect_ms"].append(_milliseconds(started))
                steps.current, steps.connection = "identify", connection
                await _identify(connection, result)
                if index + 1 == options.count:
                    await _use(connection, options, result, steps)
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


async def _use(connection: Connection, options: Any, result: dict[str, Any], steps: _Steps) -> None:
    actions: dict[str, tuple[object, Callable[[], Awaitable[object]]]] = {
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
    for name, (asked, action) in actions.items():
        steps.current = name
        result[name] = await action() if asked else None
    steps.current = "close"


async def _idle_ping(connection: Connection, seconds: float) -> float:
    """Wait and ping once, on a new stream: go-libp2p and js-libp2p end one that idles for 10 s."""
    await anyio.sleep(seconds)
    (sample,) = await ping(connection, 1)
    return sample


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error


def _milliseconds(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 3)
