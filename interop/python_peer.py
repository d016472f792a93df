"""webrtc-direct itself as a peer for tests and benchmarks: the same commands and JSON lines as ``go/``.

README.md describes both. It uses the public interface of the package alone.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import signal
import struct
import sys
import time
from typing import TYPE_CHECKING, Any

import anyio
from content import Content, WrongContent

import webrtc_direct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from webrtc_direct import Connection, Handler, Stream

ECHO_PROTOCOL = "/echo/1.0.0"
PERF_PROTOCOL = "/perf/1.0.0"
CHECKED_PROTOCOL = "/interop/checked/1.0.0"
CHECKED_OK = b"\x01"
# Bytes of the upload, bytes of the download, seed.
CHECKED_HEADER = struct.Struct(">QQQ")

UPLOAD, DOWNLOAD, ECHO = b"u", b"d", b"e"
SEED = 1

Transfer = dict[str, Any]


def main() -> int:
    """Run ``listen`` or ``dial`` and return the exit code."""
    options = _parse()
    problems: list[BaseException] = []
    try:
        anyio.run(_listen if options.command == "listen" else _dial, options)
    except* (webrtc_direct.WebRtcDirectError, WrongContent, OSError) as group:
        problems += _leaves(group)
    if problems:
        text = "; ".join(f"{type(problem).__name__}: {problem}" for problem in problems)
        print("error:", " ".join(text.split()), file=sys.stderr)
    return 1 if problems else 0


async def _listen(options: argparse.Namespace) -> None:
    handlers: dict[str, Handler] = {
        protocol: _reporting(protocol, handler)
        for protocol, handler in (
            (ECHO_PROTOCOL, webrtc_direct.echo_handler),
            (PERF_PROTOCOL, webrtc_direct.perf_handler),
            (CHECKED_PROTOCOL, _serve_checked),
        )
    }
    address = f"/ip{options.ip.version}/{options.ip}/udp/{options.port}/webrtc-direct"
    async with webrtc_direct.listen(address, handlers=handlers) as listener:
        listener.on_connected = lambda connection: _emit_connection("connected", connection)
        listener.on_disconnected = lambda connection, _: _emit_connection("disconnected", connection)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            _emit(
                event="listening",
                peer_id=str(listener.peer_id),
                addresses=[str(address) for address in listener.addresses],
            )
            async for _ in signals:
                return


def _reporting(protocol: str, handler: Handler) -> Handler:
    """Return *handler* with an event for a failure; the package resets the stream."""

    async def reporting(stream: Stream) -> None:
        try:
            await handler(stream)
        except Exception as error:
            _emit(event="error", protocol=protocol, error=f"{type(error).__name__}: {error}")
            raise

    return reporting


async def _serve_checked(stream: Stream) -> None:
    header = await stream.read_exactly(CHECKED_HEADER.size)
    upload, download, seed = CHECKED_HEADER.unpack(header)
    try:
        await Content(seed, UPLOAD).receive(stream, upload)
    except WrongContent:
        # A go-libp2p client hangs when its stream is reset in the middle of an upload.
        async for _ in stream:
            pass
        raise
    await stream.write(CHECKED_OK)
    await Content(seed, DOWNLOAD).send(stream, download)


async def _dial(options: argparse.Namespace) -> None:
    identity = webrtc_direct.KeyPair.generate()
    result: dict[str, Any] = {
        "event": "result",
        "local_peer_id": str(identity.peer_id),
        "address": options.address,
        "connect_ms": [],
        "identify_ms": [],
    }
    with anyio.fail_after(options.timeout):
        for index in range(options.count):
            started = time.perf_counter()
            async with webrtc_direct.dial(
                options.address, identity=identity, version=options.version
            ) as connection:
                result["connect_ms"].append(_milliseconds(started))
                await _identify(connection, result)
                if index + 1 == options.count:
                    await _use(connection, options, result)
    _emit(**result)


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


async def _use(connection: Connection, options: argparse.Namespace, result: dict[str, Any]) -> None:
    result["ping_ms"] = await _ping(connection, options.pings)
    steps: dict[str, tuple[int, Callable[[int], Awaitable[Transfer]]]] = {
        "upload": (options.upload, lambda size: _checked(connection, upload=size)),
        "download": (options.download, lambda size: _checked(connection, download=size)),
        "perf_upload": (options.perf_upload, lambda size: _perf(connection, upload=size)),
        "perf_download": (options.perf_download, lambda size: _perf(connection, download=size)),
        "echo": (options.echo_size, lambda size: _echo(connection, size, options.echo_streams)),
    }
    for name, (size, step) in steps.items():
        result[name] = await step(size) if size else None


async def _ping(connection: Connection, count: int) -> list[float]:
    if count == 0:
        return []
    async with webrtc_direct.ping_stream(connection) as pings:
        return [round(1000 * await pings.ping(), 3) for _ in range(count)]


async def _checked(connection: Connection, *, upload: int = 0, download: int = 0) -> Transfer:
    up, down = Content(SEED, UPLOAD), Content(SEED, DOWNLOAD)
    started = time.perf_counter()
    async with connection.open_stream(CHECKED_PROTOCOL) as stream:
        await stream.write(CHECKED_HEADER.pack(upload, download, SEED))
        await up.send(stream, upload)
        await stream.close_write()
        answer = await stream.read_exactly(len(CHECKED_OK))
        if answer != CHECKED_OK:
            raise WrongContent(f"the peer answered {answer!r}")
        await down.receive(stream, download)
        return _transfer(upload + download, started, compared=True)


async def _perf(connection: Connection, *, upload: int = 0, download: int = 0) -> Transfer:
    started = time.perf_counter()
    await webrtc_direct.perf(connection, upload=upload, download=download)
    return _transfer(upload + download, started, compared=False)


async def _echo(connection: Connection, size: int, streams: int) -> Transfer:
    """Send *size* bytes on each of the *streams* at once and compare what comes back."""
    contents = [Content(seed, ECHO) for seed in range(streams)]
    started = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for content in contents:
            tasks.start_soon(_echo_stream, connection, content, size)
    return _transfer(size * streams, started, streams=streams, compared=True)


async def _echo_stream(connection: Connection, content: Content, size: int) -> None:
    async def send() -> None:
        await content.send(stream, size)
        await stream.close_write()

    async with connection.open_stream(ECHO_PROTOCOL) as stream, anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await content.receive(stream, size)


def _transfer(size: int, started: float, *, streams: int = 1, compared: bool) -> Transfer:
    seconds = time.perf_counter() - started
    return {
        "bytes": size,
        "seconds": seconds,
        "mb_per_s": size / 1e6 / seconds,
        "streams": streams,
        "compared": compared,
    }


def _milliseconds(started: float) -> float:
    return round(1000 * (time.perf_counter() - started), 3)


def _emit_connection(event: str, connection: Connection) -> None:
    ip, port = connection.remote
    family = ipaddress.ip_address(ip).version
    _emit(event=event, peer_id=str(connection.peer_id), remote=f"/ip{family}/{ip}/udp/{port}")


def _emit(**event: object) -> None:
    print(json.dumps(event), flush=True)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    else:
        yield error


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    listen = commands.add_parser("listen")
    listen.add_argument("--ip", type=ipaddress.ip_address, default="127.0.0.1")
    listen.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    dial = commands.add_parser("dial")
    dial.add_argument("address", metavar="MULTIADDR")
    dial.add_argument("--version", choices=("v1", "v2"), default="v1")
    dial.add_argument("--count", type=int, default=1, help="connections; the last one is used for the rest")
    dial.add_argument("--pings", type=int, default=0, help="back to back")
    for name in ("upload", "download"):
        dial.add_argument(f"--{name}", type=int, default=0, metavar="BYTES", help=f"over {CHECKED_PROTOCOL}")
        dial.add_argument(
            f"--perf-{name}", type=int, default=0, metavar="BYTES", help=f"over {PERF_PROTOCOL}"
        )
    dial.add_argument("--echo-size", type=int, default=0, metavar="BYTES", help="on each stream")
    dial.add_argument("--echo-streams", type=int, default=1, metavar="N", help="that echo at once")
    dial.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="for all of it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
