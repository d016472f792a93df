"""What py-libp2p may expect of a transport, with a host at each end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from libp2p.abc import IHost, IListener, IMuxedConn, IMuxedStream, INetStream, INotifee, ITransport
from libp2p.connection_types import ConnectionType
from libp2p.crypto import ed25519, rsa, secp256k1
from libp2p.crypto.ecc import create_new_key_pair as create_p256_key_pair
from libp2p.host.ping import PingService
from libp2p.network.exceptions import SwarmException
from libp2p.network.stream.exceptions import StreamClosed
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo, info_from_p2p_addr
from libp2p.stream_muxer.exceptions import (
    MuxedConnUnavailable,
    MuxedStreamClosed,
    MuxedStreamEOF,
    MuxedStreamError,
    MuxedStreamReset,
)
from libp2p.transport.exceptions import OpenConnectionError
from multiaddr import Multiaddr
from tests.beside.py_libp2p.hosts import (
    ANY_PORT,
    ECHO,
    SECONDS,
    connect,
    read_all,
    running,
    two_hosts,
    until,
)

import webrtc_direct
from webrtc_direct import Certificate, IdentityError
from webrtc_direct.libp2p import WebRtcDirect

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent


def transport() -> WebRtcDirect:
    return WebRtcDirect(ed25519.create_new_key_pair())


def muxed(host: IHost) -> IMuxedConn:
    """The only connection of *host*."""
    ((connection,),) = host.get_network().connections.values()
    return connection.muxed_conn


async def two_muxed_streams(server: IHost, client: IHost) -> tuple[IMuxedStream, IMuxedStream]:
    """Both ends of a stream of the handler HOLD."""
    held: list[INetStream] = []
    over = trio.Event()

    async def hold(stream: INetStream) -> None:
        held.append(stream)
        await over.wait()

    server.set_stream_handler("/test/hold", hold)
    stream = await client.new_stream(server.get_id(), ["/test/hold"])
    await until(lambda: held)
    return held[0].muxed_stream, stream.muxed_stream


async def test_hosts_ping_each_other_over_one_connection() -> None:
    async with two_hosts() as (server, client):
        with trio.fail_after(SECONDS):
            for here, there in ((server, client), (client, server)):
                assert len(await PingService(here).ping(there.get_id(), 3)) == 3
        assert muxed(client).is_initiator
        assert not muxed(server).is_initiator
        assert isinstance(muxed(client), IMuxedConn)


@pytest.mark.parametrize("size", [1, 100_000, 5_000_000])
async def test_an_echo_after_half_close_has_every_byte(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    async with two_hosts() as (server, client):
        stream = await client.new_stream(server.get_id(), [ECHO])

        async def send() -> None:
            await stream.write(data)
            await stream.close_write()

        with trio.fail_after(SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                assert await read_all(stream) == data
        with pytest.raises(StreamClosed):
            await stream.write(b"x")
        await stream.close()


async def test_streams_are_opened_in_both_directions() -> None:
    async with two_hosts() as (server, client):
        for here, there in ((server, client), (client, server)):
            stream = await here.new_stream(there.get_id(), [ECHO])
            await stream.write(b"hello")
            assert await stream.read(5) == b"hello"
            await stream.close()


async def test_a_stream_that_ends_with_nothing_written_is_announced_to_the_other_end() -> None:
    """One that is reset may be over before the other end has seen it, and is nothing then."""
    opened = _Opened()
    async with two_hosts() as (server, client):
        server.get_network().register_notifee(opened)
        for count in range(1, 21):
            stream = await client.get_network().new_stream(server.get_id())
            await stream.close()
            await until(lambda count=count: opened.count == count)


async def test_a_reset_is_seen_by_both_ends() -> None:
    async with two_hosts() as (server, client):
        there, here = await two_muxed_streams(server, client)
        await here.reset()
        for stream in (here, there):
            with trio.fail_after(SECONDS), pytest.raises(MuxedStreamReset):
                await stream.read(1)
            with pytest.raises(MuxedStreamReset):
                await stream.write(b"x")


async def test_a_reset_after_close_takes_nothing_back() -> None:
    async with two_hosts() as (server, client):
        there, here = await two_muxed_streams(server, client)
        await here.write(b"all of this")
        await here.close()
        await here.reset()
        await trio.sleep(0.1)
        assert await there.read() == b"all of this"
        with pytest.raises(MuxedStreamEOF):
            await there.read()


async def test_what_a_closed_stream_raises() -> None:
    async with two_hosts() as (server, client):
        _, here = await two_muxed_streams(server, client)
        await here.close()
        with pytest.raises(MuxedStreamEOF):
            await here.read(1)
        with pytest.raises(MuxedStreamClosed):
            await here.write(b"x")


async def test_a_deadline_ends_reads_that_wait_and_later_ones() -> None:
    async with two_hosts() as (server, client):
        there, here = await two_muxed_streams(server, client)
        with pytest.raises(ValueError, match="negative"):
            here.set_deadline(-1)

        async def set_late() -> None:
            await trio.sleep(0.1)
            here.set_deadline(1)

        with trio.fail_after(SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(set_late)
                with pytest.raises(TimeoutError):
                    await here.read(1)
            with pytest.raises(MuxedStreamError, match="deadline"):
                await here.read(1)
            here.set_deadline(0)
            await there.write(b"x")
            assert await here.read(1) == b"x"


async def test_reads_and_writes_of_several_tasks_take_turns() -> None:
    async with two_hosts() as (server, client):
        there, here = await two_muxed_streams(server, client)
        received: list[bytes] = []

        async def read() -> None:
            received.append(await there.read(1))

        with trio.fail_after(SECONDS):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(read)
                for byte in (b"a", b"b", b"c"):
                    nursery.start_soon(here.write, byte)
        assert sorted(received) == [b"a", b"b", b"c"]


async def test_the_end_of_a_connection_is_seen_by_all_that_use_it() -> None:
    async with two_hosts() as (server, client):
        there, here = await two_muxed_streams(server, client)
        connection = muxed(client)
        closed = muxed(server)
        await connection.close()
        await until(lambda: not server.get_network().connections and not client.get_network().connections)
        assert connection.is_closed
        assert closed.is_closed
        for stream in (here, there):
            with pytest.raises(MuxedStreamReset):
                await stream.read(1)
        with pytest.raises(MuxedConnUnavailable):
            await connection.open_stream()
        with pytest.raises(MuxedConnUnavailable):
            await connection.accept_stream()


async def test_what_was_written_before_the_end_arrives() -> None:
    received = bytearray()
    done = trio.Event()

    async def collect(stream: INetStream) -> None:
        received.extend(await read_all(stream))
        done.set()

    data = bytes(1_000_000)
    async with running() as server:
        server.set_stream_handler("/test/collect", collect)
        async with running() as client:
            await connect(client, server)
            stream = await client.new_stream(server.get_id(), ["/test/collect"])
            await stream.write(data)
            await stream.close()
        with trio.fail_after(SECONDS):
            await done.wait()
    assert received == data


async def test_where_the_peer_is() -> None:
    async with two_hosts() as (_, client):
        connection = muxed(client)
        (address,) = connection.get_transport_addresses()
        host, port = connection.get_remote_address()  # type: ignore[attr-defined]
        assert str(address) == f"/ip4/{host}/udp/{port}/webrtc-direct"
        assert connection.get_connection_type() is ConnectionType.DIRECT


async def test_the_announced_addresses_have_the_certhash_and_the_peer_id_once() -> None:
    certificate = Certificate.generate()
    async with running(certificate=certificate) as host:
        (address,) = host.get_addrs()
        assert str(address).count("/p2p/") == 1
        assert f"/certhash/{certificate.fingerprint}" in str(address)
    async with running(announce=["/ip4/203.0.113.7/udp/4001/webrtc-direct"]) as host:
        (address,) = host.get_addrs()
        assert str(address).startswith("/ip4/203.0.113.7/udp/4001/webrtc-direct/certhash/")


async def test_a_certificate_of_a_file_keeps_the_address(tmp_path: Path) -> None:
    keys = ed25519.create_new_key_pair()
    certhashes = set()
    for _ in range(2):
        async with running(keys=keys, certificate=tmp_path / "node.cert") as host:
            certhashes.add(str(host.get_addrs()[0]).partition("/certhash/")[2])
    assert len(certhashes) == 1


async def test_several_addresses_of_both_families() -> None:
    addresses = [ANY_PORT, Multiaddr("/ip6/::1/udp/0/webrtc-direct")]
    async with running(*addresses) as server, running() as client:
        assert {str(address).split("/")[1] for address in server.get_addrs()} == {"ip4", "ip6"}
        for address in server.get_addrs():
            bare = address.decapsulate(Multiaddr(f"/p2p/{server.get_id()}"))
            connection = await client.get_network().dial_addr(bare, server.get_id())
            stream = await connection.new_stream()
            await stream.reset()
            await connection.close()


async def test_another_peer_than_the_dialed_one_is_refused() -> None:
    async with running() as server, running() as client, running() as other:
        address = server.get_addrs()[0].decapsulate(Multiaddr(f"/p2p/{server.get_id()}"))
        with pytest.raises(SwarmException):
            await client.connect(PeerInfo(other.get_id(), [address]))
        assert client.get_network().connections == {}


async def test_another_certificate_than_that_of_the_address_is_refused() -> None:
    async with running() as server, running() as client:
        address = str(server.get_addrs()[0])
        other = address.replace(address.split("/")[7], str(Certificate.generate().fingerprint))
        with pytest.raises(SwarmException):
            await client.connect(PeerInfo(server.get_id(), [Multiaddr(other)]))


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_both_versions_of_the_handshake(version: Any) -> None:
    async with two_hosts(version=version) as (server, client):
        stream = await client.new_stream(server.get_id(), [ECHO])
        await stream.write(b"hello")
        assert await stream.read(5) == b"hello"


@pytest.mark.parametrize("create", [ed25519, secp256k1, rsa], ids=lambda kind: kind.__name__)
async def test_each_kind_of_key_is_proved_by_either_end(create: Any) -> None:
    keys = create.create_new_key_pair()
    async with running(keys=keys) as one, running() as other:
        await connect(other, one)
        stream = await other.new_stream(one.get_id(), [ECHO])
        await stream.write(b"hello")
        assert await stream.read(5) == b"hello"
    async with running() as one, running(keys=keys) as other:
        await connect(other, one)
        await until(lambda: other.get_id() in one.get_network().connections)


def test_a_key_that_libp2p_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(IdentityError):
        WebRtcDirect(create_p256_key_pair("P-256"))


async def test_what_can_be_dialed_and_listened_on() -> None:
    own = transport()
    async with running() as server:
        whole = server.get_addrs()[0]
    assert own.can_dial(whole)
    assert not own.can_dial(ANY_PORT)
    assert not own.can_dial(Multiaddr(f"{whole}/p2p-circuit"))
    assert not own.can_dial(Multiaddr("/ip4/127.0.0.1/udp/1/quic-v1"))
    assert own.can_listen(ANY_PORT)
    assert not own.can_listen(whole)
    assert not own.can_listen(Multiaddr("/ip4/127.0.0.1/tcp/0"))
    assert own.protocols() == ["webrtc-direct"]
    assert isinstance(own, ITransport)
    assert isinstance(own.create_listener(None), IListener)  # type: ignore[arg-type]


async def test_an_address_that_cannot_be_dialed_is_an_open_connection_error() -> None:
    async with running() as server:
        whole = server.get_addrs()[0]
    own = transport()
    # Nobody is there any more; and nothing says who should be.
    for address in (whole.decapsulate(Multiaddr(f"/p2p/{server.get_id()}")), ANY_PORT):
        with pytest.raises(OpenConnectionError):
            await own.dial(address)
    await own.close()


async def test_an_address_that_is_taken_does_not_end_the_host() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        async with running(Multiaddr(f"/ip4/127.0.0.1/udp/{port}/webrtc-direct"), ANY_PORT) as host:
            assert len(host.get_addrs()) == 1
        listener = transport().create_listener(None)  # type: ignore[arg-type]
        with pytest.raises(OSError, match="in use"):
            await listener.listen(Multiaddr(f"/ip4/127.0.0.1/udp/{port}/webrtc-direct"))
        with pytest.raises(OpenConnectionError):
            await listener.listen(Multiaddr("/ip4/127.0.0.1/tcp/0"))
        await listener.close()
        with pytest.raises(OpenConnectionError, match="closed"):
            await listener.listen(ANY_PORT)


async def test_this_packages_own_dialer_and_listener() -> None:
    async with running() as host, webrtc_direct.dial(host.get_addrs()[0]) as connection:
        assert await webrtc_direct.ping(connection) < SECONDS
        assert ECHO in (await webrtc_direct.identify(connection)).protocols
        async with connection.open_stream(ECHO) as stream:
            await stream.write(b"hello")
            assert await stream.read_exactly(5) == b"hello"
    handlers = {ECHO: webrtc_direct.echo_handler}
    async with running() as host, webrtc_direct.listen(str(ANY_PORT), handlers=handlers) as listener:
        await host.connect(info_from_p2p_addr(Multiaddr(listener.addresses[0])))
        stream = await host.new_stream(ID(listener.peer_id.multihash), [ECHO])
        await stream.write(b"hello")
        assert await stream.read(5) == b"hello"


def test_the_program_of_the_how_to_keeps_its_address(tmp_path: Path) -> None:
    lines = []
    for _ in range(2):
        command = [sys.executable, HERE / "host_program.py", "/ip4/127.0.0.1/udp/0/webrtc-direct"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            lines.append(program.stdout.readline())
            program.send_signal(signal.SIGINT)
            assert program.communicate(timeout=SECONDS)[0].endswith("stopped\n")
    assert {line.partition("/certhash/")[0].partition("/udp/")[0] for line in lines} == {"/ip4/127.0.0.1"}
    assert len({line.partition("/certhash/")[2] for line in lines}) == 1


async def test_a_transport_can_be_added_to_a_host_that_runs() -> None:
    keys = ed25519.create_new_key_pair()
    async with running() as server, running(keys=keys, transport=_Nothing()) as client:
        client.get_network().transport_manager.add_transport(WebRtcDirect(keys))  # type: ignore[attr-defined]
        await connect(client, server)
        stream = await client.new_stream(server.get_id(), [ECHO])
        await stream.write(b"hello")
        assert await stream.read(5) == b"hello"


class _Opened(INotifee):
    """Counts the streams that are announced."""

    count = 0

    async def opened_stream(self, _network: Any, _stream: Any) -> None:
        self.count += 1

    async def _ignore(self, *_: Any) -> None:
        """Nothing to do."""

    closed_stream = connected = disconnected = listen = listen_close = _ignore


class _Nothing(ITransport):
    """A transport that can do nothing."""

    async def dial(self, _maddr: Multiaddr) -> Any:
        raise OpenConnectionError("it cannot")

    def create_listener(self, _handler_function: Any) -> Any:
        raise OpenConnectionError("it cannot")

    def can_dial(self, _maddr: Multiaddr) -> bool:
        return False

    def can_listen(self, _maddr: Multiaddr) -> bool:
        return False

    def protocols(self) -> list[str]:
        return []
