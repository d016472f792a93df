"""Arbitrary bytes from a peer end in the documented ways, and in no other."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from webrtc_direct import RemoteProtocolError, echo_handler
from webrtc_direct.protocols.echo import ECHO_PROTOCOL
from webrtc_direct.protocols.identify import parse_answer_untrusted
from webrtc_direct.streams.message import encode_data
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    import pytest
    from tests.integration_memory.conftest import Ends, Settled


@given(st.binary(max_size=300))
def test_an_answer_to_identify(answer: bytes) -> None:
    try:
        parse_answer_untrusted(answer)
    except RemoteProtocolError:
        pass


async def test_bytes_on_streams(ends: Ends, settled: Settled, caplog: pytest.LogCaptureFixture) -> None:
    random = Random(1)
    hello = encode_data(encode(HEADER) + encode(ECHO_PROTOCOL))[0]
    async with (
        ends.listen(handlers={ECHO_PROTOCOL: echo_handler}) as listener,
        ends.raw_peer(listener) as peer,
    ):
        for _ in range(300):
            channel = peer.open()
            sane = bytearray(hello + b"".join(encode_data(random.randbytes(20))) + b"\x02\x08\x00")
            for _ in range(random.randrange(3)):
                sane[random.randrange(len(sane))] = random.randrange(256)
            channel.send(bytes(sane) if random.random() < 0.7 else random.randbytes(random.randrange(1, 60)))
            if random.random() < 0.5:
                channel.channel.close()
        channel = peer.open()
        channel.send(hello)
        channel.send_data(b"still here")
        await settled(lambda: channel.data.endswith(b"still here"))
        peer.connection.abort()
    # Random lengths overstep two limits. The operator hears of each once.
    ours = [record for record in caplog.records if record.name.startswith("webrtc_direct")]
    told = [record.getMessage().split()[2] for record in ours if record.levelname == "WARNING"]
    assert sorted(told) == ["max_protocol_name=1024", "max_received_frame=65539"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
