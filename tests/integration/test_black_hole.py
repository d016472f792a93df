"""A path that takes no large datagram any more, and says nothing of it."""

from __future__ import annotations

import anyio
import pytest
from tests.support import SECONDS, relay, settled

import webrtc_direct
from webrtc_direct import CloseKind, CloseReason, ConnectionLost, StreamReset

LARGEST = 1100
SINK = "/sink/1.0.0"


async def test_a_transfer_in_a_black_hole_ends_at_both_ends_with_words_of_the_mtu() -> None:
    is_narrow = False
    ended: list[CloseReason] = []

    async def sink(stream: webrtc_direct.Stream) -> None:
        async for _ in stream:
            pass

    with anyio.fail_after(SECONDS):
        async with webrtc_direct.listen(
            "/ip4/127.0.0.1/udp/0/webrtc-direct", handlers={SINK: sink}
        ) as listener:
            listener.on_disconnected = lambda _, reason: ended.append(reason)
            async with relay(
                listener.addresses[0], lambda data: not is_narrow or len(data) <= LARGEST
            ) as address:
                async with webrtc_direct.dial(address) as connection, connection.open_stream(SINK) as stream:
                    await stream.write(bytes(2_000_000))
                    is_narrow = True
                    with pytest.raises((ConnectionLost, StreamReset)):
                        await stream.write(bytes(20_000_000))
                    reason = await connection.wait_closed()
                    assert (reason.kind, "MTU" in reason.detail) == (CloseKind.TIMEOUT, True)
                await settled(lambda: ended != [])
                (there,) = ended
                assert (there.kind, "MTU" in there.detail) == (CloseKind.REMOTE, True)
                # As the words promise.
                async with webrtc_direct.dial(address) as again, again.open_stream(SINK) as stream:
                    await stream.write(bytes(200_000))
                    await stream.close_write()
                    assert await stream.read() == b""
