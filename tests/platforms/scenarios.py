"""What a connection and its streams do, whatever platform is below them: native, memory, or a browser.

Each scenario dials *address* and uses the public interface alone, so that the same code runs under pytest
and in a page. The listener there speaks the protocols of ``interop/``, whose steps these are.
"""

from __future__ import annotations

import importlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

import webrtc_direct
from webrtc_direct import (
    ConnectionLost,
    Fingerprint,
    FingerprintMismatch,
    HandshakeTimeout,
    KeyPair,
    PeerIdMismatch,
    ProtocolNotSupported,
    StreamClosed,
    StreamReset,
    WebRtcDirectAddress,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from webrtc_direct import Connection, Stream

    Dial = Callable[..., AbstractAsyncContextManager[Connection]]
    Scenario = Callable[[Dial, str], Awaitable[None]]

# Scripts that import each other by their bare names; whoever loads this module has put them on the path.
endings: Any = importlib.import_module("python_endings")
transfers: Any = importlib.import_module("python_transfers")

ECHO = "/echo/1.0.0"
MEBIBYTE = 1 << 20
# Long enough for a loaded machine; nothing here comes near it.
SECONDS = 30


async def identifies_and_pings(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        expected = WebRtcDirectAddress.parse(address)
        assert connection.peer_id == expected.peer_id
        assert connection.remote_fingerprint == expected.fingerprint
        assert connection.remote == (str(expected.ip), expected.port)
        info = await webrtc_direct.identify(connection)
        assert ECHO in info.protocols
        async with webrtc_direct.ping_stream(connection) as pings:
            for _ in range(5):
                assert 0 < await pings.ping() < SECONDS


async def echoes_a_mebibyte_on_each_of_four_streams(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        await transfers.echo(connection, MEBIBYTE, 4)


async def moves_a_mebibyte_each_way_unchanged(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        await transfers.checked(connection, upload=MEBIBYTE)
        await transfers.checked(connection, download=MEBIBYTE)
        stats = connection.stats()
        assert stats.bytes_sent > MEBIBYTE
        assert stats.bytes_received > MEBIBYTE


async def small_and_large_messages_arrive_in_order(dial: Dial, address: str) -> None:
    sizes = [1, 2, 127, 128, 255, 256, 4093, 4097, 16376, 16377, 16378, 16384, 100_000]
    async with dial(address) as connection, connection.open_stream(ECHO) as stream:
        for value, size in enumerate(sizes):
            await stream.write(bytes([value]) * size)
            assert await stream.read_exactly(size) == bytes([value]) * size


async def half_closes_from_each_end(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        await endings.half_close(connection)


async def resets_from_each_end(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        await endings.reset(connection)


async def a_stream_that_was_closed_is_closed(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        stream = await connection.open_stream(ECHO)
        await stream.write(b"hello")
        await stream.close_write()
        assert await stream.read_exactly(5) == b"hello"
        assert await stream.read() == b""
        with raises(StreamClosed):
            await stream.write(b"more")
        await stream.aclose()
        with raises(StreamClosed):
            await stream.read()


async def a_reset_of_this_end_is_told_to_who_waits(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        stream = await connection.open_stream(ECHO)
        async with someone_reads(stream, until=StreamReset):
            await anyio.sleep(0.01)
            stream.reset()


async def fifty_streams_at_once(dial: Dial, address: str) -> None:
    async def one(connection: Connection, number: int) -> None:
        data = number.to_bytes(2, "big") * 500
        async with connection.open_stream(ECHO) as stream:
            await stream.write(data)
            assert await stream.read_exactly(len(data)) == data

    async with dial(address) as connection, anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(one, connection, number)


async def a_writer_waits_for_who_does_not_read(dial: Dial, address: str) -> None:
    """An echo that nobody reads from ends up not reading either."""
    async with dial(address) as connection:
        stream = await connection.open_stream(ECHO)
        with anyio.move_on_after(0.5) as scope:
            while True:
                await stream.write(bytes(64 * 1024))
        assert scope.cancelled_caught
        assert connection.stats().unsent_bytes <= connection.local.limits.unsent_bytes
        stream.reset()
        # The others go on.
        assert await webrtc_direct.ping(connection) < SECONDS


async def a_protocol_that_nobody_speaks(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        with raises(ProtocolNotSupported):
            await connection.open_stream("/nobody/1.0.0")
        stream = await connection.open_stream("/nobody/1.0.0", ECHO)
        assert stream.protocol == ECHO
        await stream.aclose()


async def data_follows_a_lazy_proposal(dial: Dial, address: str) -> None:
    data = bytes(100_000)
    async with dial(address) as connection:
        async with connection.open_stream(ECHO, lazy=True) as stream:
            for size in (1, len(data)):
                await stream.write(data[:size])
                assert await stream.read_exactly(size) == data[:size]
            await stream.close_write()
            assert await stream.read() == b""
        stream = await connection.open_stream("/nobody/1.0.0", lazy=True)
        with raises(ProtocolNotSupported):
            await stream.read()


async def the_listener_closes(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        waiting = await connection.open_stream(ECHO)
        async with someone_reads(waiting, until=ConnectionLost):
            await endings.closed_by_listener(connection)
        reason = await connection.wait_closed()
        assert reason.kind.value == "remote", reason
        with raises(ConnectionLost):
            await connection.open_stream(ECHO)


async def this_end_closes(dial: Dial, address: str) -> None:
    async with dial(address) as connection:
        stream = await connection.open_stream(ECHO)
        await stream.write(b"hello")
    reason = await connection.wait_closed()
    assert reason.kind.value == "local", reason
    with raises(ConnectionLost):
        await connection.open_stream(ECHO)
    with raises(ConnectionLost):
        await stream.write(b"more")


async def an_exception_in_the_block_comes_out_as_it_is(dial: Dial, address: str) -> None:
    with raises(ZeroDivisionError):
        async with dial(address) as connection:
            await connection.open_stream(ECHO)
            raise ZeroDivisionError


async def cancelled_in_the_middle(dial: Dial, address: str) -> None:
    with anyio.move_on_after(0.3) as scope:
        async with dial(address) as connection:
            stream = await connection.open_stream(ECHO)
            await stream.read()
    assert scope.cancelled_caught
    reason = await connection.wait_closed()
    assert reason.kind.value == "local", reason


async def an_identity_is_the_same_however_it_was_made(dial: Dial, address: str) -> None:
    """What WebCrypto made is what Python reads, and the other way round."""
    for identity in (await KeyPair.create(), KeyPair.generate()):
        assert KeyPair.from_protobuf(identity.to_protobuf()) == identity
        await identity.public_key.verify(await identity.sign(b"data"), b"data")
        async with dial(address, identity=identity) as connection:
            await webrtc_direct.ping(connection)


async def a_wrong_certhash_is_refused(dial: Dial, address: str) -> None:
    other = changed(address, "certhash", Fingerprint(bytes(32)).certhash)
    with raises(FingerprintMismatch):
        async with dial(other, timeout=SECONDS):
            pass


async def a_wrong_peer_id_is_refused(dial: Dial, address: str) -> None:
    other = KeyPair.generate().peer_id
    with raises(PeerIdMismatch) as caught:
        async with dial(changed(address, "p2p", str(other)), timeout=SECONDS):
            pass
    assert caught.error.expected == other
    assert caught.error.received == WebRtcDirectAddress.parse(address).peer_id


async def a_dead_port_is_given_up(dial: Dial, address: str) -> None:
    with raises(HandshakeTimeout) as caught:
        async with dial(changed(address, "udp", "9"), timeout=0.5):
            pass
    assert caught.error.step == "ice"
    assert caught.error.seconds == 0.5


class raises:
    """Expects one kind of exception, and keeps it as ``error``."""

    def __init__(self, kind: type[BaseException]) -> None:
        self._kind = kind
        self.error: Any = None

    def __enter__(self) -> raises:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        assert error is not None, f"no {self._kind.__name__} was raised"
        self.error = error
        return isinstance(error, self._kind)


@asynccontextmanager
async def someone_reads(stream: Stream, *, until: type[BaseException]) -> AsyncIterator[None]:
    """While the block runs, another task reads, and it has to end so."""

    async def read() -> None:
        with raises(until):
            await stream.read()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        yield


def changed(address: str, component: str, value: str) -> str:
    """Return *address* with another value of *component*."""
    parts = address.split("/")
    parts[parts.index(component) + 1] = value
    return "/".join(parts)


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        identifies_and_pings,
        echoes_a_mebibyte_on_each_of_four_streams,
        moves_a_mebibyte_each_way_unchanged,
        small_and_large_messages_arrive_in_order,
        half_closes_from_each_end,
        resets_from_each_end,
        a_stream_that_was_closed_is_closed,
        a_reset_of_this_end_is_told_to_who_waits,
        fifty_streams_at_once,
        a_writer_waits_for_who_does_not_read,
        a_protocol_that_nobody_speaks,
        data_follows_a_lazy_proposal,
        the_listener_closes,
        this_end_closes,
        an_exception_in_the_block_comes_out_as_it_is,
        cancelled_in_the_middle,
        an_identity_is_the_same_however_it_was_made,
        a_wrong_certhash_is_refused,
        a_wrong_peer_id_is_refused,
        a_dead_port_is_given_up,
    )
}
