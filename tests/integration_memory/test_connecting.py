"""From an address to an authenticated connection, and what goes wrong on the way."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import (
    AddressError,
    Certificate,
    CloseKind,
    CloseReason,
    Connection,
    FingerprintMismatch,
    HandshakeError,
    HandshakeTimeout,
    KeyPair,
    Limits,
    PeerIdMismatch,
    Role,
    WebRtcDirectAddress,
    identify,
    ping,
    ping_stream,
)

if TYPE_CHECKING:
    from tests.integration_memory.conftest import Ends


async def test_both_ends_know_each_other(ends: Ends) -> None:
    identity = KeyPair.generate()
    async with ends.listen(identity=identity) as listener:
        assert listener.peer_id == identity.peer_id
        async with ends.dial(listener.addresses[0]) as client:
            await ping(client)
            (server,) = listener.connections
            assert client.peer_id == identity.peer_id
            assert (client.local_peer_id, server.local_peer_id) == (server.peer_id, identity.peer_id)
            assert client.local_fingerprint == server.remote_fingerprint
            assert client.remote_fingerprint == server.local_fingerprint
            assert (client.role, server.role) == (Role.CLIENT, Role.SERVER)
            assert client.version == server.version == "v1"
            assert str(client.peer_id) in repr(client)
            assert await ping(server) > 0


async def test_a_dial_records_the_time_of_each_step(ends: Ends) -> None:
    async with ends.listen() as listener, ends.dial(listener.addresses[0]) as connection:
        times = connection.times
        assert times.address is not None
        assert times.certificate is not None
        assert times.noise is not None
        # The memory platform has no such steps.
        assert (times.ice, times.dtls, times.sctp) == (None, None, None)


async def test_identify_says_what_the_peer_serves(ends: Ends) -> None:
    async def chat(stream: object) -> None: ...

    async with ends.pair(server={"/chat/1": chat}) as pair:
        info = await identify(pair.client)
        assert info.peer_id == pair.listener.peer_id
        assert info.protocols == ("/chat/1", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0")
        assert list(info.listen_addresses) == pair.listener.addresses
        assert info.observed_address == f"/ip4/127.0.0.1/udp/{pair.server.remote[1]}/webrtc-direct"
        assert info.agent.startswith("webrtc-direct")
        assert (await identify(pair.server)).listen_addresses == ()


async def test_one_stream_carries_many_pings(ends: Ends) -> None:
    async with ends.pair() as pair, ping_stream(pair.client) as pings:
        for _ in range(10):
            assert await pings.ping() > 0
        assert pair.client.streams == 1


async def test_a_handler_added_later_serves_connections_of_now(ends: Ends) -> None:
    async def greet(stream: object) -> None:
        await stream.write(b"hello")  # type: ignore[attr-defined]

    async with ends.pair() as pair:
        pair.listener.handle("/greet/1", greet)
        pair.client.handle("/greet/1", greet)
        for connection in (pair.client, pair.server):
            async with connection.open_stream("/greet/1") as stream:
                assert await stream.read() == b"hello"


async def test_another_identity_than_the_address_says_is_refused(ends: Ends) -> None:
    async with ends.listen() as listener:
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        other = KeyPair.generate().peer_id
        with pytest.raises(PeerIdMismatch) as caught:
            async with ends.dial(WebRtcDirectAddress(address.ip, address.port, address.fingerprint, other)):
                pytest.fail("connected")
        assert (caught.value.expected, caught.value.received) == (other, listener.peer_id)


async def test_an_address_without_peer_id_needs_any_peer(ends: Ends) -> None:
    async with ends.listen() as listener:
        address = listener.addresses[0].partition("/p2p/")[0]
        with pytest.raises(AddressError):
            async with ends.dial(address):
                pytest.fail("connected")
        async with ends.dial(address, any_peer=True) as connection:
            assert connection.peer_id == listener.peer_id


async def test_another_certificate_than_the_address_says_is_refused(ends: Ends) -> None:
    async with ends.listen() as listener:
        address = WebRtcDirectAddress.parse(listener.addresses[0])
        other = Certificate.generate().fingerprint
        with pytest.raises(FingerprintMismatch):
            async with ends.dial(WebRtcDirectAddress(address.ip, address.port, other, address.peer_id)):
                pytest.fail("connected")


@pytest.mark.parametrize("bound", ["timeout", "limit"])
async def test_nobody_there_is_a_timeout_at_the_deadline(ends: Ends, bound: str) -> None:
    async with ends.listen() as listener:
        address = listener.addresses[0]
    started = perf_counter()
    limits = Limits(handshake_timeout=0.2 if bound == "limit" else 10)
    with pytest.raises(HandshakeTimeout) as caught:
        async with ends.dial(address, timeout=0.2 if bound == "timeout" else None, limits=limits):
            pytest.fail("connected")
    assert caught.value.seconds == 0.2
    assert perf_counter() - started >= 0.2


async def test_a_server_that_never_speaks_noise_is_a_timeout(ends: Ends) -> None:
    async with ends.listen() as listener, anyio.create_task_group() as tasks:

        async def pause_at_once() -> None:
            while not ends.network.links:
                await anyio.lowlevel.checkpoint()
            ends.network.links[0].pause()

        tasks.start_soon(pause_at_once)
        with pytest.raises(HandshakeTimeout) as caught:
            async with ends.dial(listener.addresses[0], limits=Limits(noise_timeout=0.1)):
                pytest.fail("connected")
        assert caught.value.step == "noise"
        ends.network.links[0].resume()


async def test_a_client_that_never_speaks_noise_is_dropped(ends: Ends) -> None:
    async with ends.listen(limits=Limits(noise_timeout=0.05)) as listener:
        async with ends.raw_connection(listener) as connection:
            reason = await connection.wait_closed()
        assert reason.kind is CloseKind.REMOTE
        assert listener.connections == []
        assert listener.refusals == listener.counters().failed == {"noise_timeout": 1}


@pytest.mark.parametrize(
    "garbage", [b"\xff" * 20, b"\x04\x12\x02\x00\x00", b"\x02\x08\x00", b"\x06\x12\x04\x00\x02ab"]
)
async def test_garbage_in_place_of_noise_is_dropped(ends: Ends, garbage: bytes) -> None:
    async with ends.listen() as listener:
        async with ends.raw_connection(listener) as connection:
            connection.handshake_channel.send([garbage])
            assert (await connection.wait_closed()).kind is CloseKind.REMOTE
        async with ends.dial(listener.addresses[0]) as connection_after:
            await ping(connection_after)


async def test_more_than_a_handshake_holds_is_dropped(ends: Ends) -> None:
    async with ends.listen() as listener, ends.raw_connection(listener) as connection:
        # The start of a frame that is never finished, and far longer than any Noise message.
        connection.handshake_channel.send([b"\x80\x80\x02", bytes(16384), bytes(16384)])
        assert (await connection.wait_closed()).kind is CloseKind.REMOTE


async def test_a_connection_that_ends_during_the_handshake_is_a_handshake_error(ends: Ends) -> None:
    async with ends.listen() as listener, anyio.create_task_group() as tasks:

        async def lose_at_once() -> None:
            while not ends.network.links:
                await anyio.lowlevel.checkpoint()
            ends.network.links[0].lose()

        tasks.start_soon(lose_at_once)
        with pytest.raises(HandshakeError, match="fell silent"):
            async with ends.dial(listener.addresses[0]):
                pytest.fail("connected")


async def test_a_listener_has_several_addresses(ends: Ends) -> None:
    wanted = ["/ip4/127.0.0.1/udp/4001/webrtc-direct", "/ip6/::1/udp/4002/webrtc-direct"]
    async with ends.listen(wanted) as listener:
        assert [address.partition("/certhash")[0] for address in listener.addresses] == wanted
        for address in listener.addresses:
            async with ends.dial(address) as connection:
                await ping(connection)


async def test_a_wildcard_is_announced_as_addresses_that_can_be_dialed(ends: Ends) -> None:
    async with ends.listen("/ip4/0.0.0.0/udp/0/webrtc-direct") as listener:
        assert listener.addresses[0].startswith("/ip4/127.0.0.1/")
        for address in listener.addresses:
            async with ends.dial(address) as connection:
                await ping(connection)


async def test_an_address_in_use_is_an_os_error(ends: Ends) -> None:
    async with ends.listen("/ip4/127.0.0.1/udp/4001/webrtc-direct"):
        with pytest.raises(OSError, match="in use"):
            async with ends.listen("/ip4/127.0.0.1/udp/4001/webrtc-direct"):
                pytest.fail("listening")


async def test_a_listener_tells_who_comes_and_goes(ends: Ends) -> None:
    told: list[tuple[str, Connection, CloseReason | None]] = []
    async with ends.listen() as listener:
        listener.on_connected = lambda connection: told.append(("connected", connection, None))
        listener.on_disconnected = lambda connection, reason: told.append(
            ("disconnected", connection, reason)
        )
        async with ends.dial(listener.addresses[0]) as connection:
            await ping(connection)
    (first, server, _), (second, same, reason) = told
    assert (first, second) == ("connected", "disconnected")
    assert server is same
    assert reason is not None
    assert reason.kind is CloseKind.REMOTE


@pytest.mark.logs_errors
async def test_a_hook_that_fails_harms_nothing(ends: Ends, caplog: pytest.LogCaptureFixture) -> None:
    def fail(connection: Connection) -> None:
        raise RuntimeError("hook")

    async with ends.listen() as listener:
        listener.on_connected = fail
        async with ends.dial(listener.addresses[0]) as connection:
            await ping(connection)
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
