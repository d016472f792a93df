"""webrtc-direct as a slow reader, as a victim of one, and as an honest client of a listener under attack.

``listen`` prints what ``interop/python_peer.py`` prints. ``slow``, ``unread`` and ``honest`` dial
and print one JSON line. The public interface of the package alone is used.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Literal, cast

import anyio
from benchmarks.processes import peak_resident, resident
from content import Content, WrongContent

import webrtc_direct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from webrtc_direct import Connection, Stream

ECHO = "/echo/1.0.0"
UNREAD = "/stress/unread/1"
CHUNK = 64 * 1024
PING_INTERVAL = 0.2
# What the echo beside an unread stream sends each time.
BESIDE = 32 * 1024


class Throttle:
    """So many bytes per second, of all that share it."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._next = 0.0

    async def spend(self, count: int) -> None:
        """Wait until *count* more bytes may be taken."""
        self._next = max(self._next, anyio.current_time()) + count / self._rate
        await anyio.sleep_until(self._next)


class SlowStream:
    """A stream whose reader takes its time."""

    def __init__(self, stream: Stream, throttle: Throttle) -> None:
        self._stream = stream
        self._throttle = throttle

    async def read(self, max_bytes: int = CHUNK) -> bytes:
        """Return what has come, late."""
        data = await self._stream.read(min(max_bytes, CHUNK))
        await self._throttle.spend(len(data))
        return data


async def listen(options: argparse.Namespace) -> None:
    """Echo slowly, and leave streams of one protocol unread."""
    throttle = Throttle(options.rate)

    async def echo(stream: Stream) -> None:
        slow = SlowStream(stream, throttle)
        try:
            while data := await slow.read():
                await stream.write(data)
        except webrtc_direct.WebRtcDirectError as error:
            _emit(event="error", protocol=ECHO, error=f"{type(error).__name__}: {error}")
            raise

    async def unread(stream: Stream) -> None:
        await stream.connection.wait_closed()
        stream.reset()

    address = "/ip4/127.0.0.1/udp/0/webrtc-direct"
    handlers = {ECHO: echo, UNREAD: unread}
    async with webrtc_direct.listen(address, handlers=handlers) as listener:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            _emit(
                event="listening",
                peer_id=str(listener.peer_id),
                addresses=[str(each) for each in listener.addresses],
            )
            async for _ in signals:
                return


async def slow(options: argparse.Namespace) -> None:
    """Write *size* bytes on each of *streams* as fast as it goes, and read them back at *rate*."""
    throttle = Throttle(options.rate)
    contents = [Content(seed, b"e") for seed in range(options.streams)]
    async with webrtc_direct.dial(options.address) as connection:
        # A first time, small, so that what Python loads late is not counted.
        await _echo(connection, contents[0], 4 * CHUNK, Throttle(1e9))
        before, started = resident(os.getpid()), time.monotonic()
        async with anyio.create_task_group() as tasks:
            for content in contents:
                tasks.start_soon(_echo, connection, content, options.size, throttle)
        seconds = time.monotonic() - started
    growth = max(0, peak_resident(os.getpid()) - before)
    _emit(event="result", bytes=options.size * options.streams, seconds=seconds, growth=growth)


async def _echo(connection: Connection, content: Content, size: int, throttle: Throttle) -> None:
    async def send() -> None:
        await content.send(stream, size)
        await stream.close_write()

    async with connection.open_stream(ECHO) as stream, anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await content.receive(cast("Stream", SlowStream(stream, throttle)), size)


async def unread(options: argparse.Namespace) -> None:
    """Fill a stream that nobody reads; meanwhile ping and echo beside it."""
    content = Content(0, b"e")
    async with webrtc_direct.dial(options.address) as connection:
        filler, pings, echoes = _Unread(connection), _Pings(connection), _Echoes(connection, content)
        with anyio.move_on_after(options.seconds):
            async with anyio.create_task_group() as tasks:
                for each in (pings, echoes, filler):
                    tasks.start_soon(each.run)
    _emit(
        event="result",
        reset_after=filler.ended_after,
        reset_by=filler.problem,
        written=filler.written,
        pings=len(pings.times),
        longest_ping=pings.longest,
        echoes=len(echoes.times),
        longest_echo=echoes.longest,
    )


class _Unread:
    """Writes until the stream is taken from it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.written = 0
        self.problem = ""
        self.ended_after: float | None = None

    async def run(self) -> None:
        stream = await self._connection.open_stream(UNREAD)
        started = time.monotonic()
        try:
            while True:
                await stream.write(bytes(CHUNK))
                self.written += CHUNK
        except (webrtc_direct.StreamReset, webrtc_direct.StreamClosed) as error:
            self.problem = f"{type(error).__name__}: {error}"
            self.ended_after = time.monotonic() - started


class _Timed:
    """Something that is done again and again: how long it took, and at most, the last time included."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.longest = 0.0
        self.since: float | None = None

    async def _time(self, action: Callable[[], Awaitable[object]]) -> None:
        self.since = time.monotonic()
        try:
            await action()
            self.times.append(time.monotonic() - self.since)
        finally:
            self.longest = max(self.longest, time.monotonic() - self.since)


class _Pings(_Timed):
    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self.problem = ""

    async def run(self) -> None:
        try:
            async with webrtc_direct.ping_stream(self._connection) as stream:
                while True:
                    await self._time(stream.ping)
                    await anyio.sleep(PING_INTERVAL)
        except webrtc_direct.WebRtcDirectError as error:
            self.problem = f"{type(error).__name__}: {error}"


class _Echoes(_Timed):
    def __init__(self, connection: Connection, content: Content) -> None:
        super().__init__()
        self._connection = connection
        self._content = content

    async def run(self) -> None:
        while True:
            await self._time(lambda: _echo(self._connection, self._content, BESIDE, Throttle(1e9)))


async def honest(options: argparse.Namespace) -> None:
    """Keep one connection and ping on it; dial others, in each version in turn, ping once and close."""
    problems: list[str] = []
    times: list[float] = []
    versions: Iterator[Literal["v1", "v2"]] = itertools.cycle(("v1", "v2"))

    async def dials() -> None:
        # Who has begun to dial when the time is over may finish.
        while time.monotonic() < end:
            started = time.monotonic()
            try:
                async with webrtc_direct.dial(options.address, version=next(versions)) as connection:
                    seconds = time.monotonic() - started
                    await webrtc_direct.ping(connection)
                    times.append(seconds)
            except webrtc_direct.WebRtcDirectError as error:
                problems.append(f"{type(error).__name__}: {error}")
            await anyio.sleep(options.pause)

    async with webrtc_direct.dial(options.address) as kept:
        _emit(event="connected")
        pings = _Pings(kept)
        end = time.monotonic() + options.seconds
        async with anyio.create_task_group() as pinging:
            pinging.start_soon(pings.run)
            async with anyio.create_task_group() as dialing:
                for _ in range(options.dialers):
                    dialing.start_soon(dials)
            pinging.cancel_scope.cancel()
        _emit(
            event="result",
            times=times,
            problems=problems,
            pings=pings.times,
            longest_ping=pings.longest,
            lost=pings.problem,
        )


def main() -> int:
    """Do what the command line asks for and return the exit code."""
    commands = {"listen": listen, "slow": slow, "unread": unread, "honest": honest}
    options = _parse()
    problems: list[BaseException] = []
    try:
        anyio.run(commands[options.command], options)
    except* (webrtc_direct.WebRtcDirectError, WrongContent, OSError) as group:
        problems += group.exceptions
    if problems:
        print("error:", "; ".join(f"{type(each).__name__}: {each}" for each in problems), file=sys.stderr)
    return 1 if problems else 0


def _emit(**event: Any) -> None:
    print(json.dumps(event), flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("listen")
    command.add_argument("--rate", type=float, default=1e9, help="bytes per second that are read, in all")
    command = commands.add_parser("slow")
    command.add_argument("address")
    command.add_argument("--rate", type=float, default=1e9, help="bytes per second that are read, in all")
    command.add_argument("--size", type=int, required=True, help="bytes on each stream")
    command.add_argument("--streams", type=int, default=1)
    command = commands.add_parser("unread")
    command.add_argument("address")
    command.add_argument("--seconds", type=float, default=30.0)
    command = commands.add_parser("honest")
    command.add_argument("address")
    command.add_argument("--seconds", type=float, default=10.0)
    command.add_argument("--dialers", type=int, default=2, help="that dial at once")
    command.add_argument("--pause", type=float, default=0.02, help="seconds between two dials of one")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
