"""What peers say of themselves unasked, and what they sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webrtc_direct import (
    Connection,
    KeyPair,
    Limits,
    ProtocolNotSupported,
    Stream,
    StreamReset,
    echo_handler,
    identify,
    identify_push,
)
from webrtc_direct.encoding import protobuf, varint
from webrtc_direct.protocols.identify_push import IDENTIFY_PUSH_PROTOCOL

if TYPE_CHECKING:
    from tests.integration_memory.conftest import Ends, Settled

    from webrtc_direct import IdentifyInfo


async def _push(connection: Connection, *fields: tuple[int, bytes]) -> None:
    """Push a message with *fields* alone, and wait until the peer is done with it."""
    async with connection.open_stream(IDENTIFY_PUSH_PROTOCOL) as stream:
        message = protobuf.encode(fields)
        await stream.write(varint.encode(len(message)) + message)
        await stream.close_write()
        assert await stream.read() == b""


async def test_identify_has_the_signed_addresses_of_a_listener(ends: Ends) -> None:
    async with ends.pair() as pair:
        for _ in range(2):
            info = await identify(pair.client)
            assert list(info.signed_addresses) == [
                each.partition("/p2p")[0] for each in pair.listener.addresses
            ]
            assert pair.client.identified == info
        # Who does not listen has nothing to sign.
        assert (await identify(pair.server)).signed_addresses == ()


async def test_a_peer_is_told_what_has_changed(ends: Ends, settled: Settled) -> None:
    told: list[IdentifyInfo] = []
    async with ends.pair() as pair:
        assert "/echo/1.0.0" not in (await identify(pair.client)).protocols
        pair.client.on_identified = told.append
        pair.listener.handle("/echo/1.0.0", echo_handler)
        await identify_push(pair.server)
        await settled(lambda: bool(told))
        assert "/echo/1.0.0" in told[0].protocols
        assert pair.client.identified == told[0]
        # And the other way round, to a peer that has never asked.
        assert pair.server.identified is None
        await identify_push(pair.client)
        await settled(lambda: pair.server.identified is not None)


async def test_what_a_push_leaves_out_stays(ends: Ends) -> None:
    async with ends.pair() as pair:
        before = await identify(pair.client)
        await _push(pair.server, (6, b"renamed"))
        after = pair.client.identified
        assert after is not None
        assert (after.agent, after.protocols, after.listen_addresses, after.signed_addresses) == (
            "renamed",
            before.protocols,
            before.listen_addresses,
            before.signed_addresses,
        )


async def test_a_push_of_another_key_is_refused(ends: Ends) -> None:
    async with ends.pair() as pair:
        with pytest.raises(StreamReset):
            await _push(pair.server, (1, KeyPair.generate().public_key.to_protobuf()))
        assert pair.client.identified is None


async def test_a_record_that_is_not_in_order_counts_as_none(ends: Ends) -> None:
    async with ends.pair() as pair:
        await _push(pair.server, (6, b"agent"), (8, b"nonsense"))
        assert pair.client.identified is not None
        assert (pair.client.identified.agent, pair.client.identified.signed_addresses) == ("agent", ())


async def test_pushes_are_bounded(ends: Ends) -> None:
    async with ends.pair(limits=Limits(identify_pushes_per_minute=3, max_identify=1000)) as pair:
        with pytest.raises(StreamReset):
            await _push(pair.server, (6, bytes(2000)))
        for _ in range(2):
            await _push(pair.server, (6, b"agent"))
        with pytest.raises(StreamReset):
            await _push(pair.server, (6, b"once more"))
        assert pair.client.refusals == {"identify_pushes_per_minute": 1}
        assert pair.client.identified is not None
        assert pair.client.identified.agent == "agent"


@pytest.mark.logs_errors
async def test_a_hook_that_fails_harms_nothing(ends: Ends) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError

    async with ends.pair() as pair:
        pair.client.on_identified = fail
        await _push(pair.server, (6, b"agent"))
        assert pair.client.is_open


async def test_a_peer_that_takes_no_pushes_is_an_error(ends: Ends) -> None:
    async def nothing(stream: Stream) -> None: ...

    async with ends.pair(server={"/a": nothing}) as pair:
        pair.listener.unhandle(IDENTIFY_PUSH_PROTOCOL)
        with pytest.raises(ProtocolNotSupported):
            await identify_push(pair.client)
