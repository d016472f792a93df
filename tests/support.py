"""What several suites share: waiting for what happens elsewhere, an echo, a channel in the test's hands."""

from __future__ import annotations

import random
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from webrtc_direct import WebRtcDirectAddress
from webrtc_direct.streams.message import MessageDecoder, encode_data

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from webrtc_direct import Connection
    from webrtc_direct.platform.base import DataChannel
from webrtc_direct.streams.message import Flag

# Long enough for a loaded machine; a test that gets here has hung.
SECONDS = 30
ECHO = "/echo/1.0.0"


# Linux takes the port of a socket that asks for any from 32768 on.
CHOSEN_PORTS = range(10_000, 32_768)


def unused_port() -> int:
    """Return a UDP port that nobody has, and that no socket which asks for any port is given."""
    for port in random.sample(CHOSEN_PORTS, 20):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ip4,
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ip6,
        ):
            ip6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                ip4.bind(("0.0.0.0", port))
                ip6.bind(("::", port))
            except OSError:
                continue
            return port
    raise AssertionError("20 ports, and all in use")


@asynccontextmanager
async def relay(address: str, passes: Callable[[bytes], bool]) -> AsyncIterator[WebRtcDirectAddress]:
    """Stand in front of *address*, and swallow what *passes* says no to. Gives the address to dial."""
    target = WebRtcDirectAddress.parse(address)
    clients: dict[tuple[str, int], anyio.abc.ConnectedUDPSocket] = {}

    async def back(client: tuple[str, int], upstream: anyio.abc.ConnectedUDPSocket) -> None:
        # Whoever sends to a socket that has just been closed is told so.
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for data in upstream:
                if passes(data):
                    await front.sendto(data, *client)

    async def forth(tasks: anyio.abc.TaskGroup) -> None:
        async for data, client in front:
            if client not in clients:
                upstream = await anyio.create_connected_udp_socket(str(target.ip), target.port)
                clients[client] = await sockets.enter_async_context(upstream)
                tasks.start_soon(back, client, upstream)
            if passes(data):
                await clients[client].send(data)

    async with (
        AsyncExitStack() as sockets,
        await anyio.create_udp_socket(socket.AF_INET, local_host="127.0.0.1") as front,
        anyio.create_task_group() as tasks,
    ):
        port = front.extra(anyio.abc.SocketAttribute.local_port)
        tasks.start_soon(forth, tasks)
        yield WebRtcDirectAddress(target.ip, port, target.fingerprint, target.peer_id)
        tasks.cancel_scope.cancel()


async def settled(
    condition: Callable[[], bool], what: str | Callable[[], str] = "it settles", *, every: float = 0.005
) -> None:
    """Return once *condition* holds; it is looked at *every* so many seconds."""
    with anyio.move_on_after(SECONDS):
        while not condition():  # noqa: ASYNC110 - it may happen on the engine's thread, or in several ways
            await anyio.sleep(every)
        return
    raise AssertionError(f"not within {SECONDS} s: {what if isinstance(what, str) else what()}")


async def echo(connection: Connection, data: bytes) -> bytes:
    """Return what comes back when *data* is sent to an echo."""
    received = bytearray()
    async with connection.open_stream(ECHO) as stream, anyio.create_task_group() as tasks:

        async def send() -> None:
            await stream.write(data)
            await stream.close_write()

        tasks.start_soon(send)
        async for chunk in stream:
            received += chunk
    return bytes(received)


class RawChannel:
    """A data channel that remembers the frames which came."""

    def __init__(self, channel: DataChannel) -> None:
        self.channel = channel
        self.frames: list[tuple[Flag | None, bytes]] = []
        self.closed = False
        self._decoder = MessageDecoder(1 << 20)
        channel.observer = self

    @property
    def data(self) -> bytes:
        return b"".join(payload for _, payload in self.frames)

    @property
    def flags(self) -> list[Flag]:
        return [flag for flag, _ in self.frames if flag is not None]

    def send(self, *messages: bytes) -> None:
        self.channel.send(messages)

    def send_data(self, data: bytes) -> None:
        self.channel.send(encode_data(data))

    def data_received(self, data: bytes) -> int:
        self.frames += self._decoder.feed_untrusted(data)
        return len(data)

    def channel_writable(self) -> None:
        pass

    def channel_closed(self) -> None:
        self.closed = True
