"""What ``python_peer.py dial`` does, and a page with Python in it.

It uses the public interface of the package alone, and nothing that a page does not have.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from python_endings import closed_by_listener, half_close, reset
from python_transfers import checked, echo, perf, ping

import webrtc_direct
from webrtc_direct import KeyPair

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from contextlib import AbstractAsyncContextManager

    from python_endings import Ping
    from python_transfers import Transfer

    from webrtc_direct import Connection, DialVersion


class StepFailed(Exception):
    """A step of ``dial`` failed; the text says which, and why."""


class Library(Protocol):
    """A library that dials, and the steps that each does in a way of its own.

    Its connections and streams have as much of the interface of ours as the other steps use.
    """

    local_peer_id: str

    def connect(self, address: str) -> AbstractAsyncContextManager[Connection]:
        """Dial; the connection is closed at the end of the block."""
        ...

    async def identify(self, connection: Connection) -> tuple[str, Iterable[str]]:
        """Return the peer's agent and its protocols."""
        ...

    async def ping(self, connection: Connection, count: int) -> list[float]:
        """Return the milliseconds of *count* pings, back to back on one stream."""
        ...

    async def perf(self, connection: Connection, *, upload: int = 0, download: int = 0) -> Transfer:
        """Move bytes that are counted."""
        ...

    def state(self, connection: Connection) -> str:
        """Return how far a connection came, to be put behind an error."""
        ...


class OurLibrary:
    """webrtc-direct, as it dials."""

    def __init__(self, identity: KeyPair, version: DialVersion) -> None:
        self.local_peer_id = str(identity.peer_id)
        self._identity = identity
        self._version = version
        # The package loads a module when it is first used; that is no part of a dial.
        self._dial = webrtc_direct.dial

    def connect(self, address: str) -> AbstractAsyncContextManager[Connection]:
        """Dial *address*."""
        return self._dial(address, identity=self._identity, version=self._version)

    async def identify(self, connection: Connection) -> tuple[str, Iterable[str]]:
        """Ask the peer."""
        info = await webrtc_direct.identify(connection)
        return info.agent, info.protocols

    async def ping(self, connection: Connection, count: int) -> list[float]:
        """Ping *count* times."""
        return await ping(connection, count)

    async def perf(self, connection: Connection, *, upload: int = 0, download: int = 0) -> Transfer:
        """Move bytes."""
        return await perf(connection, upload=upload, download=download)

    def state(self, connection: Connection) -> str:
        """Return how many bytes went both ways."""
        stats = connection.stats()
        return f" ({stats.bytes_sent} bytes sent and {stats.bytes_received} received by then)"


async def dial(options: Any, library: Library | None = None) -> dict[str, Any]:
    """Dial, with ours or another *library*, and do what *options* ask for; return the event ``result``.

    Raises:
        StepFailed: a step failed, or the time for all of them was over.
    """
    library = library or OurLibrary(await KeyPair.create(), options.version)
    steps = _Steps(library)
    try:
        return await _dial(options, steps)
    except Exception as error:
        reasons = "; ".join(f"{type(each).__name__}: {each}" for each in leaves(error))
        raise StepFailed(f"{steps.current}: {reasons}{steps.state()}") from error


class _Steps:
    """Where ``dial`` is."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.current = "connect"
        self.connection: Connection | None = None

    def state(self) -> str:
        """Return how far the last connection came, to be put behind an error."""
        return "" if self.connection is None else self.library.state(self.connection)


async def _dial(options: Any, steps: _Steps) -> dict[str, Any]:
    library = steps.library
    result: dict[str, Any] = {
        "event": "result",
        "local_peer_id": library.local_peer_id,
        "address": options.address,
        "connect_ms": [],
        "identify_ms": [],
    }
    with anyio.fail_after(options.timeout, reason=f"not done within {options.timeout:g} s"):
        for index in range(options.count):
            steps.current, steps.connection = "connect", None
            started = time.perf_counter()
            async with library.connect(options.address) as connection:
                result["connect_ms"].append(_milliseconds(started))
                steps.current, steps.connection = "identify", connection
                await _identify(connection, result, library)
                if index + 1 == options.count:
                    await _use(connection, options, result, steps)
    return result


async def _identify(connection: Connection, result: dict[str, Any], library: Library) -> None:
    started = time.perf_counter()
    agent, protocols = await library.identify(connection)
    result["identify_ms"].append(_milliseconds(started))
    result |= {
        "peer_id": str(connection.peer_id),
        "version": connection.version,
        "agent": agent,
        "protocols": sorted(protocols),
    }


async def _use(connection: Connection, options: Any, result: dict[str, Any], steps: _Steps) -> None:
    ping, perf = steps.library.ping, steps.library.perf
    actions: dict[str, tuple[object, Callable[[], Awaitable[object]]]] = {
        "ping_ms": (options.pings, lambda: ping(connection, options.pings)),
        "idle_ping_ms": (options.idle, lambda: _idle_ping(connection, options.idle, ping)),
        "upload": (options.upload, lambda: checked(connection, upload=options.upload)),
        "download": (options.download, lambda: checked(connection, download=options.download)),
        "perf_upload": (options.perf_upload, lambda: perf(connection, upload=options.perf_upload)),
        "perf_download": (options.perf_download, lambda: perf(connection, download=options.perf_download)),
        "echo": (options.echo_size, lambda: echo(connection, options.echo_size, options.echo_streams)),
        "half_close": (options.half_close, lambda: half_close(connection)),
        "reset": (options.reset, lambda: reset(connection, ping)),
        "closed_after_ms": (options.close == "listener", lambda: closed_by_listener(connection)),
    }
    for name, (asked, action) in actions.items():
        steps.current = name
        result[name] = await action() if asked else None
    steps.current = "close"


async def _idle_ping(connection: Connection, seconds: float, ping: Ping) -> float:
    """Wait and ping once, on a new stream: go-libp2p and js-libp2p end one that idles for 10 s."""
    await anyio.sleep(seconds)
    (sample,) = await ping(connection, 1)
    return sample


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Return the errors in *error*, which may be a group of them."""
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from leaves(member)
    else:
        yield error


def _milliseconds(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 3)
