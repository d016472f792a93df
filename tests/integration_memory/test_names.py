"""Addresses with names: looked up, all answers tried, the first that proves its identity taken."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.name_server import name_server
from tests.support import SECONDS

from webrtc_direct import (
    AddressError,
    CannotSend,
    Certificate,
    FingerprintMismatch,
    HandshakeTimeout,
    KeyPair,
    Limits,
    NameNotResolved,
    Node,
    PeerIdMismatch,
    dial,
    listen,
    ping,
)
from webrtc_direct.address.names import NamedAddress, parse_target, resolve
from webrtc_direct.bounds.limits import MAX_DNSADDR_DEPTH, MAX_LOOKUPS, MAX_RESOLVED_ADDRESSES
from webrtc_direct.platform.memory import MemoryPlatform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import TaskGroup
    from tests.integration_memory.conftest import Ends, Settled
    from tests.name_server import NameServer

    from webrtc_direct import DialVersion, Listener
    from webrtc_direct.platform.base import ConnectParameters
    from webrtc_direct.platform.memory_connection import MemoryConnection

PORT = 4001
IP4, IP6 = f"/ip4/192.0.2.7/udp/{PORT}/webrtc-direct", f"/ip6/2001:db8::7/udp/{PORT}/webrtc-direct"


@pytest.fixture
def server() -> Iterator[NameServer]:
    with name_server() as running:
        yield running


@pytest.fixture
async def listener(ends: Ends) -> AsyncIterator[Listener]:
    async with ends.listen(IP4) as running:
        yield running


def proof(listener: Listener) -> str:
    """What follows the host in the address of *listener*."""
    address = listener.addresses[0]
    return address[address.index("/udp/") :]


def attempts() -> int:
    return sum("webrtc_direct attempt" in str(task.name) for task in anyio.get_running_tasks())


@pytest.mark.parametrize("kind", ["dns", "dns4"])
async def test_a_name_is_looked_up(kind: str, ends: Ends, server: NameServer, listener: Listener) -> None:
    server.add_host("host.test", "192.0.2.7")
    async with ends.dial(f"/{kind}/host.test{proof(listener)}") as connection:
        assert connection.remote == ("192.0.2.7", PORT)
        assert connection.peer_id == listener.peer_id
        assert await ping(connection) >= 0


@pytest.mark.parametrize(
    ("kind", "ip"), [("dns", "2001:db8::7"), ("dns6", "2001:db8::7"), ("dns4", "192.0.2.7")]
)
async def test_each_kind_takes_its_family_and_ipv6_is_first(
    kind: str, ip: str, ends: Ends, server: NameServer
) -> None:
    server.add_host("host.test", "192.0.2.7", "2001:db8::7")
    async with (
        ends.listen([IP4, IP6]) as listener,
        ends.dial(f"/{kind}/host.test{proof(listener)}") as connection,
    ):
        assert connection.remote[0] == ip
        assert len(ends.network.links) == 1


async def test_the_next_address_is_tried_after_a_quarter_of_a_second_without_an_answer(
    ends: Ends, server: NameServer, listener: Listener, settled: Settled
) -> None:
    server.add_host("host.test", "2001:db8::9", "192.0.2.7")
    started = perf_counter()
    async with ends.dial(f"/dns/host.test{proof(listener)}") as connection:
        assert 0.25 <= perf_counter() - started < 1
        assert connection.remote[0] == "192.0.2.7"
        # The attempt that has lost is gone; the one that won holds the connection.
        await settled(lambda: attempts() == 1)


async def test_the_next_address_is_tried_at_once_where_one_fails(
    ends: Ends, server: NameServer, listener: Listener
) -> None:
    server.add_host("host.test", "192.0.2.7", "2001:db8::7")
    async with ends.listen(IP6):
        started = perf_counter()
        async with ends.dial(f"/dns/host.test{proof(listener)}") as connection:
            assert perf_counter() - started < 0.25
            assert connection.remote[0] == "192.0.2.7"


async def test_who_proves_another_identity_does_not_win(
    ends: Ends, server: NameServer, settled: Settled
) -> None:
    server.add_host("host.test", "192.0.2.7", "2001:db8::7")
    certificate = Certificate.generate()
    async with (
        listen(IP4, certificate=certificate, platform=ends.platform) as right,
        listen(IP6, certificate=certificate, platform=ends.platform) as wrong,
        ends.dial(f"/dns/host.test{proof(right)}") as connection,
    ):
        assert connection.peer_id == right.peer_id
        await settled(lambda: wrong.connections == [])


async def test_those_that_lose_leave_nothing_behind(ends: Ends, server: NameServer, settled: Settled) -> None:
    server.add_host("host.test", "2001:db8::7", "192.0.2.7")
    # The first one answers when the second one has begun already.
    ends.network.answers_after["v1"] = 0.4
    async with (
        ends.listen([IP4, IP6]) as listener,
        ends.dial(f"/dns/host.test{proof(listener)}") as connection,
    ):
        assert connection.remote[0] == "2001:db8::7"
        await settled(lambda: attempts() == 1)
        await anyio.sleep(0.3)
        assert len(ends.network.links) == len(listener.connections) == 1


async def test_where_all_fail_the_error_is_the_one_that_says_most(
    ends: Ends, server: NameServer, listener: Listener
) -> None:
    server.add_host("host.test", "2001:db8::9", "2001:db8::7", "192.0.2.9")
    async with ends.listen(IP6):
        with pytest.raises(FingerprintMismatch) as caught:
            async with ends.dial(f"/dns/host.test{proof(listener)}", timeout=1):
                pytest.fail("connected")
    assert {note.split(";")[0] for note in caught.value.__notes__} == {
        f"another address: no answer in 1 s (step: ice) from {ip} port {PORT}"
        for ip in ("2001:db8::9", "192.0.2.9")
    }


@pytest.mark.parametrize("version", ["auto", "v1"])
async def test_the_timeout_of_the_dial_holds_for_all_addresses_together(
    version: DialVersion, ends: Ends, server: NameServer, listener: Listener
) -> None:
    server.add_host("host.test", *(f"192.0.2.{number}" for number in range(100, 110)))
    started = perf_counter()
    with pytest.raises(HandshakeTimeout) as caught:
        async with ends.dial(f"/dns/host.test{proof(listener)}", timeout=0.4, version=version):
            pytest.fail("connected")
    assert 0.4 <= perf_counter() - started < 1
    assert caught.value.seconds == 0.4
    # Two of the ten could begin.
    assert len(caught.value.__notes__) == 1


async def test_a_missing_route_is_the_error_only_where_there_is_nothing_else(
    ends: Ends, server: NameServer, listener: Listener
) -> None:
    class NoIpv6(MemoryPlatform):
        """A machine without IPv6."""

        async def connect(self, task_group: TaskGroup, parameters: ConnectParameters) -> MemoryConnection:
            address = parameters.session.ip, parameters.session.port
            if ":" in address[0]:
                raise CannotSend(errno=101, reason="Network is unreachable", address=address)
            return await super().connect(task_group, parameters)

    server.add_host("both.test", "2001:db8::7", "192.0.2.9")
    server.add_host("six.test", "2001:db8::7", "2001:db8::8")
    for name, error in (("both.test", HandshakeTimeout), ("six.test", CannotSend)):
        with pytest.raises(error):
            async with dial(f"/dns/{name}{proof(listener)}", timeout=0.1, platform=NoIpv6(ends.network)):
                pytest.fail("connected")


@pytest.mark.parametrize(
    ("host", "cause"),
    [
        ("nobody.test", "not known"),
        ("empty.test", "not known"),
        ("all.test", "stands for all addresses"),
        ("group.test", "multicast"),
    ],
)
async def test_a_name_without_a_usable_address_is_an_error_that_says_why(
    host: str, cause: str, ends: Ends, server: NameServer, listener: Listener
) -> None:
    server.add_texts("empty.test")
    server.add_host("all.test", "0.0.0.0")
    server.add_host("group.test", "224.0.0.1")
    with pytest.raises(NameNotResolved, match=cause) as caught:
        async with ends.dial(f"/dns4/{host}{proof(listener)}"):
            pytest.fail("connected")
    assert caught.value.name == host
    assert ends.network.links == []


@pytest.mark.parametrize("kind", ["dns", "dnsaddr"])
async def test_a_lookup_is_bounded_in_time(
    kind: str, ends: Ends, server: NameServer, listener: Listener
) -> None:
    if kind == "dns":
        server.add_host("host.test", "192.0.2.7")
    server.silent = True
    address = f"/{kind}/host.test" + (proof(listener) if kind == "dns" else "")
    for limits, timeout in ((Limits(lookup_timeout=0.2), None), (Limits(), 0.2)):
        started = perf_counter()
        with pytest.raises(NameNotResolved, match=r"host.test gives no address to dial: .*0\.2"):
            async with ends.dial(address, limits=limits, timeout=timeout):
                pytest.fail("connected")
        assert perf_counter() - started < 1


async def test_a_lookup_can_be_cancelled(ends: Ends, server: NameServer) -> None:
    server.silent = True
    with anyio.move_on_after(0.1) as scope:
        async with ends.dial("/dnsaddr/host.test"):
            pytest.fail("connected")
    assert scope.cancelled_caught


async def test_dnsaddr_names_whole_addresses(ends: Ends, server: NameServer) -> None:
    async with ends.listen(IP4) as one, ends.listen(IP6) as other:
        # Other transports and other uses of TXT records stand beside them.
        server.add_texts(
            "peers.test", *one.addresses, f"/ip4/192.0.2.7/tcp/4001/p2p/{one.peer_id}", *other.addresses
        )
        server.records["_dnsaddr.peers.test", "TXT"].append('"v=spf1 -all"')
        # Whoever wins is whom his own address names: IPv6 is first.
        async with ends.dial("/dnsaddr/peers.test") as connection:
            assert connection.peer_id == other.peer_id
        for listener in (one, other):
            async with ends.dial(f"/dnsaddr/peers.test/p2p/{listener.peer_id}") as connection:
                assert connection.peer_id == listener.peer_id
        nobody = KeyPair.generate().peer_id
        with pytest.raises(NameNotResolved, match="none of its 4 TXT records"):
            async with ends.dial(f"/dnsaddr/peers.test/p2p/{nobody}"):
                pytest.fail("connected")


async def test_dnsaddr_leads_over_other_names(ends: Ends, server: NameServer, listener: Listener) -> None:
    server.add_texts("one.test", "/dnsaddr/gone.test", f"/dnsaddr/two.test/p2p/{listener.peer_id}")
    server.add_texts("two.test", f"/dns4/host.test{proof(listener)}")
    server.add_host("host.test", "192.0.2.7")
    async with ends.dial("/dnsaddr/one.test") as connection:
        assert connection.peer_id == listener.peer_id


async def test_what_the_dns_says_cannot_change_the_peer_id(
    ends: Ends, server: NameServer, listener: Listener
) -> None:
    other = KeyPair.generate().peer_id
    # An address without a peer id gets that of the dial, and is refused in Noise.
    server.add_texts("peers.test", listener.addresses[0].partition("/p2p")[0])
    with pytest.raises(PeerIdMismatch):
        async with ends.dial(f"/dnsaddr/peers.test/p2p/{other}"):
            pytest.fail("connected")
    # Without one, nothing would prove who answers.
    with pytest.raises(NameNotResolved):
        async with ends.dial("/dnsaddr/peers.test"):
            pytest.fail("connected")
    async with ends.dial("/dnsaddr/peers.test", any_peer=True) as connection:
        assert connection.peer_id == listener.peer_id


async def test_answers_are_bounded(server: NameServer, listener: Listener) -> None:
    server.add_texts(
        "many.test",
        *(listener.addresses[0].replace("192.0.2.7", f"192.0.2.{number}") for number in range(1, 101)),
    )
    target = parse_target("/dnsaddr/many.test")
    assert isinstance(target, NamedAddress)
    assert len(await resolve(target, any_peer=False, seconds=SECONDS)) == MAX_RESOLVED_ADDRESSES


async def test_names_that_lead_to_names_are_bounded(server: NameServer, listener: Listener) -> None:
    # A chain that is too long, a circle, and a name that leads to very many.
    for number in range(10):
        server.add_texts(f"{number}.chain.test", f"/dnsaddr/{number + 1}.chain.test")
    server.add_texts("circle.test", "/dnsaddr/round.test")
    server.add_texts("round.test", "/dnsaddr/circle.test")
    server.add_texts("wide.test", *(f"/dnsaddr/{number}.wide.test" for number in range(1000)))
    for name, lookups in (
        ("0.chain.test", MAX_DNSADDR_DEPTH + 1),
        ("circle.test", 2),
        ("wide.test", MAX_LOOKUPS),
    ):
        server.asked.clear()
        target = parse_target(f"/dnsaddr/{name}")
        assert isinstance(target, NamedAddress)
        with pytest.raises(NameNotResolved, match=name):
            await resolve(target, any_peer=False, seconds=SECONDS)
        assert len(server.asked) == lookups


async def test_a_platform_that_looks_up_no_names_says_so(ends: Ends, listener: Listener) -> None:
    class Page(MemoryPlatform):
        """A platform like that of a web page."""

        resolves_names = False

    with pytest.raises(AddressError, match="put an IP address") as caught:
        async with dial(f"/dns4/host.test{proof(listener)}", platform=Page(ends.network)):
            pytest.fail("connected")
    assert (caught.value.component, caught.value.value) == ("dns4", "host.test")


async def test_a_node_knows_peers_that_it_dialed_by_name(
    ends: Ends, server: NameServer, settled: Settled
) -> None:
    server.add_host("host.test", "192.0.2.7")
    async with Node(platform=ends.platform) as there, Node(platform=ends.platform) as node:
        await there.listen(IP4)
        (plain,) = there.addresses
        named = plain.replace("/ip4/192.0.2.7", "/dns4/host.test")
        first = await node.dial(named, redial=True)
        assert await node.dial(named) is await node.dial(plain) is node.connection(there.peer_id) is first
        for connection in there.connections:
            connection.abort()
        await first.wait_closed()
        asked = len(server.asked)
        again = await node.wait_connected(there.peer_id)
        assert await ping(again) >= 0
        assert len(server.asked) > asked
        server.add_texts("peers.test", plain)
        anybody = await node.dial("/dnsaddr/peers.test")
        assert anybody.peer_id == there.peer_id
