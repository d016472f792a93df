"""Dialer and listener on the real engine, over real UDP."""

from __future__ import annotations

import gc
import hashlib
import os
import secrets
import threading
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.faults.support import descriptors, engine_threads, python_threads
from tests.support import ECHO, SECONDS, echo, settled, unused_port

import webrtc_direct
from webrtc_direct import (
    Certificate,
    CloseKind,
    ConnectionLost,
    Fingerprint,
    FingerprintMismatch,
    HandshakeTimeout,
    KeyPair,
    Limits,
    PeerIdMismatch,
    WebRtcDirectAddress,
    echo_handler,
    perf_handler,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from webrtc_direct import Connection, Handler, Listener
    from webrtc_direct.handshake.roles import Version

PERF = "/perf/1.0.0"
HANDLERS = {ECHO: echo_handler, PERF: perf_handler}


@asynccontextmanager
async def listening(
    ip: str = "127.0.0.1",
    *,
    handlers: Mapping[str, Handler] = HANDLERS,
    identity: KeyPair | None = None,
    certificate: Certificate | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Listener]:
    family = "ip6" if ":" in ip else "ip4"
    address = f"/{family}/{ip}/udp/0/webrtc-direct"
    async with webrtc_direct.listen(
        address, handlers=handlers, identity=identity, certificate=certificate, limits=limits
    ) as listener:
        yield listener


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
async def test_both_ends_know_each_other_and_exchange_data(ip: str, version: Version) -> None:
    identity = KeyPair.generate()
    with anyio.fail_after(SECONDS):
        async with listening(ip) as listener:
            address = listener.addresses[0]
            async with webrtc_direct.dial(address, version=version, identity=identity) as connection:
                await settled(lambda: len(listener.connections) == 1)
                (server,) = listener.connections
                assert (connection.version, server.version) == (version, version)
                assert connection.peer_id == listener.peer_id
                assert server.peer_id == identity.peer_id
                assert connection.remote_fingerprint == server.local_fingerprint
                assert connection.local_fingerprint == server.remote_fingerprint
                assert connection.remote == (ip, WebRtcDirectAddress.parse(address).port)
                assert server.remote[0] == ip
                assert 0 < await webrtc_direct.ping(connection) < SECONDS
                assert 0 < await webrtc_direct.ping(server) < SECONDS
                assert ECHO in (await webrtc_direct.identify(connection)).protocols
                data = secrets.token_bytes(1_000_003)
                assert await echo(connection, data) == data
                stats = connection.stats()
                assert stats.bytes_sent > len(data) < stats.bytes_received
                assert stats.round_trip_time is not None


async def test_a_listener_on_all_addresses_answers_from_the_one_that_was_dialed() -> None:
    # All of 127.0.0.0/8 is this machine; the kernel's choice of a source would be 127.0.0.1.
    with anyio.fail_after(SECONDS):
        async with listening("0.0.0.0") as listener:
            address = WebRtcDirectAddress.parse(listener.addresses[0])
            other = WebRtcDirectAddress(
                IPv4Address("127.0.0.77"), address.port, address.fingerprint, address.peer_id
            )
            async with webrtc_direct.dial(other) as connection:
                assert connection.remote[0] == "127.0.0.77"
                data = secrets.token_bytes(500_000)
                assert await echo(connection, data) == data


async def test_perf_counts_every_byte() -> None:
    with anyio.fail_after(SECONDS):
        async with listening() as listener, webrtc_direct.dial(listener.addresses[0]) as connection:
            result = await webrtc_direct.perf(connection, upload=5_000_000, download=7_000_000)
            assert (result.upload_bytes, result.download_bytes) == (5_000_000, 7_000_000)


async def test_many_connections_and_streams_at_once() -> None:
    connections, streams, size = 20, 4, 100_000
    with anyio.fail_after(2 * SECONDS):
        async with listening() as listener, anyio.create_task_group() as tasks:

            async def one_stream(connection: Connection) -> None:
                data = secrets.token_bytes(size)
                received = await echo(connection, data)
                assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()

            async def one_connection() -> None:
                async with (
                    webrtc_direct.dial(listener.addresses[0]) as connection,
                    anyio.create_task_group() as inner,
                ):
                    for _ in range(streams):
                        inner.start_soon(one_stream, connection)

            for _ in range(connections):
                tasks.start_soon(one_connection)


async def test_another_certificate_than_the_addresss_is_refused() -> None:
    async with listening() as listener:
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        wrong = Fingerprint(bytes(32))
        changed = WebRtcDirectAddress(address.ip, address.port, wrong, address.peer_id)
        with anyio.fail_after(SECONDS), pytest.raises(FingerprintMismatch) as caught:
            async with webrtc_direct.dial(changed):
                pytest.fail("connected")
        assert caught.value.expected == wrong
        assert caught.value.received == address.fingerprint
        assert listener.connections == []


async def test_another_identity_than_the_addresss_is_refused() -> None:
    async with listening() as listener:
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        other = KeyPair.generate().peer_id
        changed = WebRtcDirectAddress(address.ip, address.port, address.fingerprint, other)
        with anyio.fail_after(SECONDS), pytest.raises(PeerIdMismatch) as caught:
            async with webrtc_direct.dial(changed):
                pytest.fail("connected")
        assert caught.value.expected == other
        assert caught.value.received == listener.peer_id
        await settled(lambda: listener.connections == [])


async def test_nobody_there_is_a_timeout_at_the_deadline() -> None:
    # Nobody is bound to the port; the kernel's ICMP errors must not be believed.
    port = unused_port()
    fingerprint = Certificate.generate().fingerprint
    address = WebRtcDirectAddress.parse(
        f"/ip4/127.0.0.1/udp/{port}/webrtc-direct/certhash/{fingerprint.certhash}", any_peer=True
    )
    started = anyio.current_time()
    with anyio.fail_after(SECONDS), pytest.raises(HandshakeTimeout):
        async with webrtc_direct.dial(address, any_peer=True, timeout=0.5):
            pytest.fail("connected")
    assert 0.5 <= round(anyio.current_time() - started, 3) < SECONDS / 2


@pytest.mark.parametrize("closer", ["client", "server"])
async def test_a_close_reaches_the_other_end_at_once(closer: str) -> None:
    with anyio.fail_after(SECONDS):
        async with listening() as listener, webrtc_direct.dial(listener.addresses[0]) as connection:
            await settled(lambda: len(listener.connections) == 1)
            (server,) = listener.connections
            first, second = (connection, server) if closer == "client" else (server, connection)
            await first.aclose()
            assert (await first.wait_closed()).kind is CloseKind.LOCAL
            assert (await second.wait_closed()).kind is CloseKind.REMOTE
            with pytest.raises(ConnectionLost):
                await webrtc_direct.ping(second)


async def test_what_was_written_before_the_end_of_the_block_arrives() -> None:
    received = bytearray()
    ended = anyio.Event()

    async def collect(stream: webrtc_direct.Stream) -> None:
        async for chunk in stream:
            received.extend(chunk)
        ended.set()

    data = secrets.token_bytes(3_000_000)
    with anyio.fail_after(SECONDS):
        async with listening(handlers={"/collect": collect}) as listener:
            async with webrtc_direct.dial(listener.addresses[0]) as connection:
                stream = await connection.open_stream("/collect")
                await stream.write(data)
                await stream.close_write()
            await ended.wait()
    assert bytes(received) == data


async def test_a_listener_with_the_same_files_has_the_same_address() -> None:
    certificate = Certificate.generate()
    identity = KeyPair.generate()
    address = f"/ip4/127.0.0.1/udp/{unused_port()}/webrtc-direct"
    async with webrtc_direct.listen(address, identity=identity, certificate=certificate) as first:
        before = first.addresses
    async with webrtc_direct.listen(address, identity=identity, certificate=certificate) as second:
        assert second.addresses == before
        with anyio.fail_after(SECONDS):
            async with webrtc_direct.dial(second.addresses[0]) as connection:
                assert connection.peer_id == identity.peer_id


async def test_a_port_in_use_is_an_os_error() -> None:
    async with listening() as listener:
        port = WebRtcDirectAddress.parse(listener.addresses[0]).port
        with pytest.raises(OSError, match="use"):
            async with webrtc_direct.listen(f"/ip4/127.0.0.1/udp/{port}/webrtc-direct"):
                pytest.fail("bound")


async def test_a_reader_that_stops_slows_the_writer_and_loses_nothing() -> None:
    limits = Limits(unread_bytes=200_000)
    release = anyio.Event()
    received = bytearray()
    ended = anyio.Event()

    async def slow(stream: webrtc_direct.Stream) -> None:
        await release.wait()
        async for chunk in stream:
            received.extend(chunk)
        ended.set()

    data = secrets.token_bytes(8_000_000)
    with anyio.fail_after(SECONDS):
        async with (
            listening(handlers={"/slow": slow}, limits=limits) as listener,
            webrtc_direct.dial(listener.addresses[0]) as connection,
            anyio.create_task_group() as tasks,
        ):
            stream = await connection.open_stream("/slow")
            written = anyio.Event()

            async def write() -> None:
                await stream.write(data)
                written.set()
                await stream.close_write()

            tasks.start_soon(write)
            await settled(lambda: len(listener.connections) == 1)
            (server,) = listener.connections
            await settled(lambda: server.stats().unread_bytes >= limits.unread_bytes)
            await anyio.sleep(0.5)
            assert not written.is_set()
            assert server.stats().unread_bytes < limits.unread_bytes + 128 * 1024
            release.set()
            await ended.wait()
    assert bytes(received) == data


async def test_nothing_is_left_behind() -> None:
    gc.collect()
    before = descriptors()
    threads = python_threads()
    for _ in range(3):
        with anyio.fail_after(SECONDS):
            async with listening() as listener, webrtc_direct.dial(listener.addresses[0]) as connection:
                await webrtc_direct.ping(connection)
    gc.collect()
    await settled(lambda: engine_threads() == 0)
    await settled(lambda: descriptors() <= before)
    assert python_threads() == threads


async def test_a_cancelled_dial_leaves_nothing_behind() -> None:
    async with listening() as listener:
        for _ in range(20):
            with anyio.move_on_after(0.002):
                async with webrtc_direct.dial(listener.addresses[0]):
                    await anyio.sleep_forever()
        await settled(lambda: listener.connections == [])


async def test_a_forked_child_has_an_engine_of_its_own() -> None:
    async with listening() as listener, webrtc_direct.dial(listener.addresses[0]) as connection:
        program = (
            "import anyio, webrtc_direct\n"
            "async def main():\n"
            "    async with webrtc_direct.listen('/ip4/127.0.0.1/udp/0/webrtc-direct') as listener:\n"
            "        async with webrtc_direct.dial(listener.addresses[0]) as connection:\n"
            "            await webrtc_direct.ping(connection)\n"
            "anyio.run(main)\n"
        )
        child = os.fork()
        if child == 0:
            # Only _exit may end it: it shares everything with the parent.
            status = 1
            try:
                thread = threading.Thread(target=exec, args=(program, {}))
                thread.start()
                thread.join(SECONDS)
                status = 0 if not thread.is_alive() else 2
            finally:
                os._exit(status)
        with anyio.fail_after(SECONDS):
            _, status = await anyio.to_thread.run_sync(os.waitpid, child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
            assert await webrtc_direct.ping(connection) > 0
