"""What a listener offers who runs it: addresses to announce, a hook at the door, keep-alive, counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import (
    AddressError,
    CloseKind,
    ConnectionLost,
    HandshakeError,
    KeyPair,
    Limits,
    ListenerCounters,
    PeerId,
    Stream,
    WebRtcDirectAddress,
    identify,
    ping,
)
from webrtc_direct.protocols.ping import PING_BYTES, PING_PROTOCOL, ping_handler

if TYPE_CHECKING:
    from tests.integration_memory.conftest import Ends, Settled

Remote = tuple[str, int]


async def test_announced_addresses_stand_in_place_of_the_bound_ones(ends: Ends) -> None:
    announce = ["/ip4/203.0.113.7/udp/4001/webrtc-direct", "/ip6/2001:db8::7/udp/0/webrtc-direct"]
    wanted = ["/ip4/0.0.0.0/udp/4002/webrtc-direct", "/ip6/::/udp/4003/webrtc-direct"]
    async with ends.listen(wanted, announce=announce) as listener:
        parsed = [WebRtcDirectAddress.parse(address) for address in listener.addresses]
        assert [(str(each.ip), each.port) for each in parsed] == [
            ("203.0.113.7", 4001),
            ("2001:db8::7", 4003),
        ]
        assert listener.bound == [("0.0.0.0", 4002), ("::", 4003)]
        assert [each.peer_id for each in parsed] == [listener.peer_id] * 2
        bound = WebRtcDirectAddress.parse(
            "/ip4/127.0.0.1/udp/4002" + listener.addresses[0].partition("4001")[2]
        )
        async with ends.dial(bound) as connection:
            assert list((await identify(connection)).listen_addresses) == listener.addresses


async def test_an_address_may_be_an_object(ends: Ends) -> None:
    address = WebRtcDirectAddress.parse_listen("/ip4/127.0.0.1/udp/0/webrtc-direct")
    for each in (address, (address, str(address))):
        async with ends.listen(each) as listener, ends.dial(WebRtcDirectAddress.parse(listener.addresses[0])):
            pass
    with pytest.raises(AddressError, match="None"):
        async with ends.dial(None):
            pass


@pytest.mark.parametrize(
    ("announce", "component"),
    [
        ("/ip4/0.0.0.0/udp/4001/webrtc-direct", "ip4"),
        ("/ip6/::/udp/4001/webrtc-direct", "ip6"),
        ("/ip4/203.0.113.7/tcp/4001", "tcp"),
        ("/ip4/203.0.113.7/udp/4001/webrtc-direct/p2p/x", "p2p"),
    ],
)
async def test_what_cannot_be_announced_is_named(ends: Ends, announce: str, component: str) -> None:
    with pytest.raises(AddressError) as caught:
        async with ends.listen(announce=[announce]):
            pytest.fail("listening")
    assert caught.value.component == component


async def test_the_accept_hook_is_asked_by_address_and_then_by_peer_id(ends: Ends) -> None:
    asked: list[tuple[Remote, PeerId | None]] = []
    identity = KeyPair.generate()

    async def accept(remote: Remote, peer_id: PeerId | None) -> bool:
        await anyio.lowlevel.checkpoint()
        asked.append((remote, peer_id))
        return True

    async with (
        ends.listen(accept=accept) as listener,
        ends.dial(listener.addresses[0], identity=identity) as connection,
    ):
        await ping(connection)
        (server,) = listener.connections
        assert asked == [(server.remote, None), (server.remote, identity.peer_id)]


async def test_who_is_refused_by_address_is_gone_before_noise(ends: Ends) -> None:
    async with ends.listen(accept=lambda remote, _: remote[0] != "127.0.0.1") as listener:
        with pytest.raises(HandshakeError, match="closed by the peer"):
            async with ends.dial(listener.addresses[0]):
                pytest.fail("connected")
        assert listener.connections == []


async def test_who_is_refused_by_peer_id_never_becomes_a_connection(ends: Ends) -> None:
    friend = KeyPair.generate()
    told: list[PeerId] = []
    async with ends.listen(accept=lambda _, peer_id: peer_id in (None, friend.peer_id)) as listener:
        listener.on_connected = lambda connection: told.append(connection.peer_id)
        with pytest.raises((HandshakeError, ConnectionLost)):
            async with ends.dial(listener.addresses[0]) as connection:
                await ping(connection)
        async with ends.dial(listener.addresses[0], identity=friend) as connection:
            await ping(connection)
    assert told == [friend.peer_id]


@pytest.mark.logs_errors
async def test_a_hook_that_fails_refuses_and_harms_nothing_else(
    ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([1 / 2, 0])

    def accept(remote: Remote, peer_id: PeerId | None) -> bool:
        if peer_id is None and next(answers, None) == 0:
            raise RuntimeError("hook")
        return True

    async with ends.listen(accept=accept) as listener, ends.dial(listener.addresses[0]) as connection:
        with pytest.raises(HandshakeError):
            async with ends.dial(listener.addresses[0]):
                pytest.fail("connected")
        await ping(connection)
    assert [record.levelname for record in caplog.records].count("ERROR") == 1


async def test_a_hook_that_never_answers_refuses(ends: Ends) -> None:
    async def never(remote: Remote, peer_id: PeerId | None) -> bool:
        await anyio.sleep_forever()
        return True

    async with ends.listen(accept=never, limits=Limits(noise_timeout=0.1)) as listener:
        with pytest.raises(HandshakeError):
            async with ends.dial(listener.addresses[0]):
                pytest.fail("connected")


@pytest.mark.parametrize("who", ["dialer", "listener"])
async def test_keep_alive_pings_the_peer_now_and_then(ends: Ends, settled: Settled, who: str) -> None:
    pings = 0

    async def count(stream: Stream) -> None:
        nonlocal pings
        while data := await stream.read(PING_BYTES):
            pings += 1
            await stream.write(data)
            if pings % 3 == 0:
                # Some peers end a ping stream; the next ping opens another one.
                return

    every = {who: 0.01}
    async with (
        ends.listen(handlers={PING_PROTOCOL: count}, keep_alive=every.get("listener")) as listener,
        ends.dial(
            listener.addresses[0], handlers={PING_PROTOCOL: count}, keep_alive=every.get("dialer")
        ) as connection,
    ):
        await settled(lambda: pings >= 8)
        assert "open" in repr(connection)


async def test_without_keep_alive_nothing_is_sent(ends: Ends) -> None:
    async with ends.pair() as pair:
        await anyio.sleep(0.05)
        assert pair.client.streams == pair.server.streams == 0


async def test_a_peer_that_does_not_answer_keep_alive_is_lost(ends: Ends) -> None:
    async def hold(stream: Stream) -> None:
        await anyio.sleep_forever()

    limits = Limits(silence_timeout=0.1, close_timeout=0.1)
    async with (
        ends.listen(handlers={PING_PROTOCOL: hold}, limits=limits) as listener,
        ends.dial(listener.addresses[0], keep_alive=0.01, limits=limits) as connection,
    ):
        reason = await connection.wait_closed()
        assert reason.kind is CloseKind.TIMEOUT
        assert "keep-alive" in reason.detail


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
async def test_keep_alive_is_a_number_of_seconds(ends: Ends, seconds: float) -> None:
    with pytest.raises(ValueError, match="keep_alive"):
        async with ends.listen(keep_alive=seconds):
            pytest.fail("listening")


async def test_pings_of_the_peer_are_answered_with_keep_alive_on(ends: Ends) -> None:
    async with (
        ends.listen(handlers={PING_PROTOCOL: ping_handler}, keep_alive=0.01) as listener,
        ends.dial(listener.addresses[0], keep_alive=0.01) as connection,
    ):
        for _ in range(20):
            assert await ping(connection) > 0


async def test_counters_are_those_of_all_sockets(ends: Ends) -> None:
    async with ends.listen() as listener:
        assert listener.counters() == ListenerCounters()
        assert listener.refusals == {}
        assert str(listener.peer_id) in repr(listener)
