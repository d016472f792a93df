"""Clients that mean harm, over raw sockets: each bound holds, and the listener goes on."""

from __future__ import annotations

import random
import resource
import socket
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.support import settled
from tests.web.support import SECONDS, Served, parse, read_all, serving

import webrtc_direct
from webrtc_direct.web.bounds import WebBounds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SHORT = WebBounds(
    max_connections=4, request_timeout=0.4, idle_timeout=0.4, response_timeout=0.4, linger_timeout=0.2
)


@asynccontextmanager
async def unharmed(bounds: WebBounds | None = None) -> AsyncIterator[Served]:
    """Serve; at the end the page, the listener and a connection that was there before still work."""
    async with serving(bounds=bounds) as served:
        async with webrtc_direct.dial(served.listener.addresses[0]) as connection:
            yield served
            with anyio.fail_after(SECONDS):
                assert (await served.get()).status == 200
                await webrtc_direct.ping(connection)
                async with webrtc_direct.dial(served.listener.addresses[0]) as other:
                    await webrtc_direct.ping(other)
        await settled(lambda: not served.server._clients)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\0" * 100 + b"\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", 400),
        (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5000, 431),
        (b"GET / HTTP/1.1\r\nCookie: " + b"x" * 20000, 431),
    ],
)
async def test_what_is_no_request_is_refused(data: bytes, status: int) -> None:
    async with unharmed() as served:
        response = parse(await served.exchange(data))
        assert (response.status, response.headers["connection"]) == (status, "close")


@pytest.mark.parametrize("header", ["Content-Length: 1000000000", "Transfer-Encoding: chunked"])
async def test_a_body_is_refused_unread(header: str) -> None:
    async with unharmed(SHORT) as served:
        assert (await served.get("/", header)).status in (400, 413)
        async with await served.connect() as stream:
            await stream.send(served.request("/", header) + b"x" * 1000)
            assert parse(await read_all(stream)).status in (400, 413)
        async with await served.connect() as stream:
            await stream.send(served.request("/", header))
            with anyio.fail_after(SECONDS), pytest.raises(anyio.BrokenResourceError):
                await flood(stream)


async def flood(stream: anyio.abc.SocketStream) -> None:
    while True:
        await stream.send(b"x" * 65536)


async def test_an_expectation_and_an_upgrade_change_nothing() -> None:
    async with unharmed() as served:
        for headers in (("Expect: 100-continue",), ("Connection: Upgrade", "Upgrade: websocket")):
            assert (await served.get("/", *headers)).status == 200


async def test_random_bytes_are_refused() -> None:
    chance = random.Random(1)
    async with unharmed() as served:
        for _ in range(30):
            data = await served.exchange(chance.randbytes(chance.randrange(1, 300)) + b"\r\n\r\n")
            assert data == b"" or parse(data).status in (400, 431, 505)


async def test_a_request_that_never_ends_gets_so_much_time() -> None:
    async with unharmed(SHORT) as served, await served.connect() as stream:
        started = time.monotonic()
        sent = 0
        response = b""
        # A byte now and then, as slowloris has it.
        for byte in served.request() * 100:
            try:
                await stream.send(bytes([byte]))
            except anyio.BrokenResourceError:
                break
            sent += 1
            with anyio.move_on_after(0.05):
                response = await stream.receive()
                break
        assert parse(response).status == 408
        assert 0 < sent < len(served.request())
        assert SHORT.request_timeout <= time.monotonic() - started < SECONDS


async def test_who_says_nothing_is_hung_up_on() -> None:
    async with unharmed(SHORT) as served, await served.connect() as silent, await served.connect() as idle:
        await idle.send(served.request())
        assert (await read_all(idle)).startswith(b"HTTP/1.1 200 OK")
        assert await read_all(silent) == b""


async def test_who_takes_no_response_is_hung_up_on() -> None:
    async with unharmed(SHORT) as served, await served.connect() as stream:
        # Their responses are far more than sockets hold.
        with anyio.move_on_after(SECONDS) as sending:
            try:
                for _ in range(100):
                    await stream.send(20 * served.request("/vendor/noble-ciphers/utils.js"))
            except anyio.BrokenResourceError:
                pass
            await settled(lambda: not served.server._clients)
        assert not sending.cancelled_caught


async def test_who_waits_gives_way_to_a_newcomer() -> None:
    bounds = WebBounds(max_connections=4, idle_timeout=SECONDS, request_timeout=SECONDS)
    async with unharmed(bounds) as served, AsyncExitStack() as streams:
        slow = [await streams.enter_async_context(await served.connect()) for _ in range(4)]
        for stream in slow[:2]:
            await stream.send(b"GET / HT")
        await settled(lambda: len(served.server._clients) == 4)
        for _ in range(3):
            # exchange() has the whole response, so its connection is over.
            assert (await served.get()).status == 200
        assert await read_all(slow[0]) == b""


async def test_a_crowd_does_not_keep_a_browser_out() -> None:
    async with unharmed(WebBounds(max_connections=8)) as served, AsyncExitStack() as streams:
        for _ in range(200):
            stream = await streams.enter_async_context(await served.connect())
            await stream.send(b"GET / HTTP/1.1\r\nX: ")
        await settled(lambda: len(served.server._clients) <= 8)
        assert (await served.get()).status == 200


async def test_who_takes_no_response_gives_way_too() -> None:
    bounds = WebBounds(max_connections=4, response_timeout=SECONDS)
    async with unharmed(bounds) as served, AsyncExitStack() as streams:
        for _ in range(4):
            stream = await streams.enter_async_context(await served.connect())
            # Their responses are far more than sockets hold.
            await stream.send(300 * served.request("/vendor/noble-ciphers/utils.js"))
        await settled(lambda: len(served.server._clients) == 4)
        await anyio.sleep(0.1)
        assert (await served.get()).status == 200


async def test_a_process_without_file_descriptors_goes_on_when_it_has_some_again() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with unharmed() as served:
        with socket.socket() as early:
            early.setblocking(False)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
            try:
                early.connect_ex((str(served.server.address.ip), served.server.address.port))
                await anyio.sleep(0.3)
                assert not served.server._clients
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await settled(lambda: len(served.server._clients) == 1)


async def test_clients_that_break_off_leave_nothing() -> None:
    async with unharmed() as served:
        for data in (b"", b"G", served.request()[:-1], 50 * served.request("/main.js")):
            stream = await served.connect()
            if data:
                await stream.send(data)
            await anyio.aclose_forcefully(stream)
        await settled(lambda: not served.server._clients)
