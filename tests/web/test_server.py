"""What the server of the page answers, and to whom."""

from __future__ import annotations

import errno
import json
from contextlib import AsyncExitStack

import pytest
from tests.support import settled
from tests.web.support import SECONDS, parse, read_all, serving

import webrtc_direct
from webrtc_direct.web.bounds import WebBounds
from webrtc_direct.web.files import load_files
from webrtc_direct.web.responses import LISTENER_JSON

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def test_every_file_of_the_table_is_served_with_all_guards() -> None:
    async with serving() as served:
        for path, file in load_files().items():
            status, headers, body = await served.get(path)
            assert (status, headers["content-type"], body) == (200, file.content_type, file.body)
            assert headers["content-security-policy"] == POLICY.lower()
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert (
                headers["cross-origin-opener-policy"]
                == headers["cross-origin-resource-policy"]
                == "same-origin"
            )
            assert headers["cache-control"] == "no-store"
            assert "camera=()" in headers["permissions-policy"]
            assert [name for name in headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"])
async def test_it_listens_where_it_is_told_to(address: str) -> None:
    async with serving(address) as served:
        port = served.server.address.port
        assert port > 0
        assert (await served.get(host=f"localhost:{port}")).status == 200


async def test_a_port_that_is_taken_is_an_error_that_names_it() -> None:
    async with serving() as served:
        with pytest.raises(OSError, match="in use") as raised:
            async with serving(served.host):
                pass
        assert (raised.value.errno, raised.value.filename) == (errno.EADDRINUSE, served.host)


async def test_head_is_get_without_the_body() -> None:
    async with serving() as served:
        full, head = await served.get(), await served.get(method="HEAD")
        assert head.body == b""
        assert head.headers["content-length"] == str(len(full.body))


@pytest.mark.parametrize(
    "target",
    [
        "/index.html", "//", "/style.css/", "/../style.css", "/client/../style.css", "/%2e%2e/main.js",
        "/%ff", "/style.css?x", "/package.json", "/vendor/README.md", "/etc/passwd", "http://evil.example/",
        "*",
        "/panels", "/client/",
    ],
)  # fmt: skip
async def test_nothing_else_is_there(target: str) -> None:
    async with serving() as served:
        assert (await served.get(target)).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X"])
async def test_other_methods_are_refused(method: str) -> None:
    async with serving() as served:
        status, headers, _ = await served.get(method=method)
        assert (status, headers["allow"], headers["connection"]) == (405, "get, head", "close")


@pytest.mark.parametrize("target", ["/", "/main.js", LISTENER_JSON, "/nothing"])
async def test_a_host_of_another_name_is_misdirected(target: str) -> None:
    async with serving() as served:
        port = served.server.address.port
        for host in (
            "evil.example",
            f"evil.example:{port}",
            f"127.0.0.1:{port + 1}",
            "",
            f"192.0.2.1:{port}",
        ):
            assert (await served.get(target, host=host)).status == 421, host
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
            assert (await served.get(target, host=host)).status in (200, 404), host
        twice = served.request(target, f"Host: {served.host}")
        assert parse(await served.exchange(twice)).status == 400
        assert parse(await served.exchange(b"GET / HTTP/1.1\r\n\r\n")).status == 400
        assert parse(await served.exchange(b"GET / HTTP/1.0\r\n\r\n")).status == 421


async def test_on_all_interfaces_any_ip_is_a_host_and_no_name_is() -> None:
    async with serving("0.0.0.0:0") as served:
        port = served.server.address.port
        assert (await served.get(host=f"192.0.2.1:{port}")).status == 200
        assert (await served.get(host=f"evil.example:{port}")).status == 421


@pytest.mark.parametrize("target", ["/", LISTENER_JSON])
async def test_an_origin_must_be_its_own(target: str) -> None:
    async with serving() as served:
        own = f"http://{served.host}"
        assert (await served.get(target, f"Origin: {own}")).status == 200
        for origin in (
            "null",
            "",
            "http://evil.example",
            f"https://{served.host}",
            f"{own}/",
            f"{own}, {own}",
        ):
            assert (await served.get(target, f"Origin: {origin}")).status == 403, origin
        assert (await served.get(target, f"Origin: {own}", f"Origin: {own}")).status == 403


async def test_other_sites_get_no_json() -> None:
    async with serving() as served:
        for site, status in (
            ("same-origin", 200),
            ("none", 200),
            ("same-site", 403),
            ("cross-site", 403),
            ("x", 403),
        ):
            assert (await served.get(LISTENER_JSON, f"Sec-Fetch-Site: {site}")).status == status, site
        # A link to the page works from anywhere.
        assert (await served.get("/", "Sec-Fetch-Site: cross-site")).status == 200


async def test_the_json_tells_of_the_listener_and_its_connections() -> None:
    bounds = WebBounds(snapshot_seconds=0)
    async with serving(bounds=bounds) as served:
        empty = json.loads((await served.get(LISTENER_JSON)).body)
        assert empty == {
            "peer_id": str(served.listener.peer_id),
            "addresses": served.listener.addresses,
            "connections_now": 0,
            "connections_total": 0,
            "connections": [],
        }
        async with webrtc_direct.dial(served.listener.addresses[0]) as connection:
            await webrtc_direct.ping(connection)
            told = json.loads((await served.get(LISTENER_JSON)).body)
            (row,) = told["connections"]
            assert (told["connections_now"], told["connections_total"]) == (1, 1)
            assert row["peer_id"] == str(connection.local.identity.peer_id)
            assert (row["remote_ip"], row["version"]) == ("127.0.0.1", connection.version)
            assert row["remote_port"] > 0
            assert 0 <= row["age_seconds"] < SECONDS
            assert row["bytes_received"] > 500 < row["bytes_sent"]
        await settled(lambda: not served.listener.connections)
        assert json.loads((await served.get(LISTENER_JSON)).body)["connections"] == []


async def test_the_newest_connections_are_listed_and_the_others_counted() -> None:
    async with serving(bounds=WebBounds(snapshot_seconds=0, max_listed=2)) as served:
        async with AsyncExitStack() as dials:
            names = []
            for _ in range(3):
                connection = await dials.enter_async_context(webrtc_direct.dial(served.listener.addresses[0]))
                names.append(str(connection.local.identity.peer_id))
                await settled(lambda: len(served.listener.connections) == len(names))
            told = json.loads((await served.get(LISTENER_JSON)).body)
        assert told["connections_now"] == 3
        assert [row["peer_id"] for row in told["connections"]] == [names[2], names[1]]


async def test_a_snapshot_is_taken_once_for_all_who_ask() -> None:
    async with serving(bounds=WebBounds(snapshot_seconds=SECONDS)) as served:
        first = (await served.get(LISTENER_JSON)).body
        async with webrtc_direct.dial(served.listener.addresses[0]):
            await settled(lambda: len(served.listener.connections) == 1)
            assert (await served.get(LISTENER_JSON)).body == first


async def test_a_connection_takes_several_requests_also_at_once() -> None:
    async with serving() as served:
        responses = await served.exchange(3 * served.request() + served.request("/nothing"))
        assert responses.count(b"HTTP/1.1 200 OK") == 3
        assert responses.count(b"HTTP/1.1 404 Not Found") == 1


async def test_a_connection_ends_after_so_many_requests() -> None:
    async with serving(bounds=WebBounds(requests_per_connection=2)) as served:
        responses = await served.exchange(5 * served.request())
        assert responses.count(b"HTTP/1.1 200 OK") == 2
        assert responses.lower().count(b"connection: close") == 1


async def test_the_end_of_the_block_ends_all_connections() -> None:
    async with serving() as served:
        stream = await served.connect()
        await stream.send(served.request()[:-2])
        await settled(lambda: len(served.server._clients) == 1)
    assert await read_all(stream) == b""
    await stream.aclose()
    with pytest.raises(OSError, match="onnect"):
        await served.connect()
