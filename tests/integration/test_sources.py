"""A listener on all addresses of its machine, and a crowd that sends garbage to it."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

import anyio
from tests.support import SECONDS, settled

import webrtc_direct
from webrtc_direct import Connection, Listener, Stream, WebRtcDirectAddress

PUSH = "/push/1.0.0"
# More than a table that anybody can write to may have room for.
SOURCES = 9500
AT_ONCE = 50
GARBAGE = bytes(8)


def send_garbage(port: int, numbers: range) -> None:
    """Send a datagram from an address of its own for each of *numbers*."""
    for number in numbers:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
            source.bind((f"127.9.{number >> 8}.{number & 255}", 0))
            source.sendto(GARBAGE, ("127.0.0.1", port))


async def taken(listener: Listener, count: int) -> None:
    """Return once *listener* has taken so many datagrams that mean nothing."""
    await settled(lambda: listener.counters().malformed >= count, every=0.0005)


async def falls_silent(connection: Connection) -> None:
    """Return once *connection* has nothing under way: whatever it sends shows the listener where it is."""
    sent = -1
    while sent != (sent := connection.stats().datagrams_sent):  # noqa: ASYNC110 - silence is no event
        await anyio.sleep(1)


async def test_strangers_do_not_change_the_address_from_which_a_client_is_served() -> None:
    push = anyio.Event()

    async def handler(stream: Stream) -> None:
        await stream.read(1)
        await push.wait()
        await stream.write(b"pushed")

    with anyio.fail_after(SECONDS):
        any_address = "/ip4/0.0.0.0/udp/0/webrtc-direct"
        async with webrtc_direct.listen(any_address, handlers={PUSH: handler}) as listener:
            bound = WebRtcDirectAddress.parse(listener.addresses[0])
            # The system's own choice of a source would be 127.0.0.1.
            dialed = WebRtcDirectAddress(
                IPv4Address("127.0.0.2"), bound.port, bound.fingerprint, bound.peer_id
            )
            async with webrtc_direct.dial(dialed) as connection, connection.open_stream(PUSH) as stream:
                await stream.write(b"?")
                await falls_silent(connection)
                for first in range(0, SOURCES, AT_ONCE):
                    # No more at once than the socket holds.
                    send_garbage(bound.port, range(first, first + AT_ONCE))
                    await taken(listener, first + AT_ONCE)
                push.set()
                # The client takes nothing from another address, and would say something itself only later.
                with anyio.fail_after(1):
                    assert await stream.read(6) == b"pushed"
                assert connection.remote == ("127.0.0.2", bound.port)
