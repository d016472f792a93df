"""multistream-select over a stream: what ``multistream.py`` says, read and written.

Reads exactly the messages of the negotiation, so that the first bytes of the protocol stay
in the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.errors import StreamClosed
from webrtc_direct.streams.multistream import (
    HEADER,
    DialerNegotiation,
    LazyProposal,
    ListenerNegotiation,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.streams.stream import Stream

# The first byte of a two-byte varint.
_CONTINUED = 0x80
_HEADER = encode(HEADER)


async def propose_protocols(stream: Stream, protocols: Sequence[str], limits: Limits) -> str:
    """Return which of *protocols* the peer has taken.

    Raises:
        ProtocolNotSupported: none.
        RemoteProtocolError: the peer does not speak multistream-select.
    """
    negotiation = DialerNegotiation(protocols, max_name=limits.max_protocol_name)
    await stream.write(negotiation.start())
    return await _negotiate(stream, negotiation, limits)


async def propose_lazily(stream: Stream, protocol: str, limits: Limits) -> None:
    """Propose *protocol* on *stream*, which takes the answer when it comes."""
    proposal = LazyProposal(protocol, max_name=limits.max_protocol_name)
    stream.propose(proposal)
    # In a frame of its own: litep2p takes nothing else in the first one.
    await stream.write(proposal.first)


async def accept_protocol(stream: Stream, protocols: Container[str], limits: Limits) -> str:
    """Return which of *protocols* the peer proposed first. Raises RemoteProtocolError."""
    return await _negotiate(stream, ListenerNegotiation(protocols, max_name=limits.max_protocol_name), limits)


async def _negotiate(
    stream: Stream, negotiation: DialerNegotiation | ListenerNegotiation, limits: Limits
) -> str:
    answer = b""
    while True:
        answer += negotiation.receive_untrusted(await _read_message(stream, limits))
        agreed = negotiation.agreed
        # What belongs together leaves in one frame: header and protocol came in one, too. But a refusal
        # leaves at once: what is unread may be no proposal but data, of a dialer that did not wait.
        if answer and (answer != _HEADER or stream.unread_bytes == 0):
            try:
                await stream.write(answer)
            except StreamClosed as error:
                # go reads no more once it has written all it had to say: it needs no agreement to be served.
                if agreed is None or not error.by_peer:
                    raise
            answer = b""
        if agreed is not None:
            return agreed


async def _read_message(stream: Stream, limits: Limits) -> bytes:
    prefix = await stream.read_exactly(1)
    size = prefix[0]
    if size >= _CONTINUED:
        prefix += await stream.read_exactly(1)
        size += (prefix[1] << 7) - _CONTINUED
    if size > limits.max_protocol_name + 1:
        # The negotiation refuses it by its length alone.
        return prefix
    return prefix + await stream.read_exactly(size) if size else prefix
