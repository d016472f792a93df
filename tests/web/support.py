"""A listener with its page, and raw HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import anyio

import webrtc_direct
from webrtc_direct.web.address import WebAddress
from webrtc_direct.web.server import serve_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from webrtc_direct.web.bounds import WebBounds
    from webrtc_direct.web.files import File
    from webrtc_direct.web.server import WebServer

SECONDS = 30


class Served(NamedTuple):
    """A listener that takes connections, and the server of its page."""

    listener: webrtc_direct.Listener
    server: WebServer

    @property
    def host(self) -> str:
        return str(self.server.address)

    async def connect(self) -> anyio.abc.SocketStream:
        return await anyio.connect_tcp(str(self.server.address.ip), self.server.address.port)

    def request(
        self, target: str = "/", *headers: str, method: str = "GET", host: str | None = None
    ) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host if host is None else host}", *headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def exchange(self, data: bytes) -> bytes:
        """Send *data* and return everything that comes until the server ends the connection."""
        async with await self.connect() as stream:
            await stream.send(data)
            await stream.send_eof()
            return await read_all(stream)

    async def get(
        self, target: str = "/", *headers: str, method: str = "GET", host: str | None = None
    ) -> Response:
        return parse(await self.exchange(self.request(target, *headers, method=method, host=host)))


class Response(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


async def read_all(stream: anyio.abc.SocketStream) -> bytes:
    """Return everything up to the end, gentle or not."""
    received = b""
    with anyio.fail_after(SECONDS):
        try:
            while True:
                received += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return received


def parse(data: bytes) -> Response:
    """Take the first response apart."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Response(int(first.split()[1]), headers, body)


@asynccontextmanager
async def serving(
    address: str = "127.0.0.1:0", bounds: WebBounds | None = None, page: Mapping[str, File] | None = None
) -> AsyncIterator[Served]:
    """A listener on loopback, with its page."""
    async with (
        webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct") as listener,
        serve_page(listener, WebAddress.parse(address), bounds, page) as server,
    ):
        listener.on_connected = server.roster.connected
        yield Served(listener, server)
