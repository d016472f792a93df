"""``/ipfs/id/1.0.0``: what a peer says of itself. Nothing but its public key is proved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import TYPE_CHECKING

import anyio
from google.protobuf.message import DecodeError

from webrtc_direct.errors import LimitExceeded, RemoteProtocolError
from webrtc_direct.multiaddr import WebRtcDirectAddress
from webrtc_direct.multiaddr_binary import describe_untrusted, encode
from webrtc_direct.protobuf.identify_pb2 import Identify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webrtc_direct.connection import Connection
    from webrtc_direct.identity import PeerId
    from webrtc_direct.stream import Stream

IDENTIFY_PROTOCOL = "/ipfs/id/1.0.0"

# What libp2p implementations call the family of protocols that they speak.
_PROTOCOL_VERSION = "ipfs/0.1.0"
_LAST_BYTE = 0x80
_MAX_LENGTH_BYTES = 4


@dataclass(frozen=True)
class IdentifyInfo:
    """What a peer says of itself. Every text is the peer's own: escape it before you show it."""

    peer_id: PeerId
    """The identity that the connection proved; it agrees with what the peer says here."""
    agent: str
    """Name and version of the peer's program."""
    protocol_version: str
    protocols: tuple[str, ...]
    """What the peer serves."""
    listen_addresses: tuple[str, ...]
    """Where the peer listens, as multiaddrs; those that are not understood are left out."""
    observed_address: str | None
    """This end's address as the peer sees it."""


async def identify(connection: Connection) -> IdentifyInfo:
    """Return what the peer says of itself.

    Raises:
        ProtocolNotSupported: the peer does not identify itself.
        RemoteProtocolError: the answer makes no sense, or contradicts the identity that was proved.
        LimitExceeded: the answer is longer than ``Limits.max_identify``.
        ConnectionLost: the connection ended meanwhile.
    """
    async with connection.open_stream(IDENTIFY_PROTOCOL) as stream:
        message = parse_answer_untrusted(await _read_answer(stream))
    if message.publicKey and message.publicKey != connection.public_key.to_protobuf():
        raise RemoteProtocolError("identify: the public key is not the one that was proved")
    observed = _describe_untrusted([message.observedAddr])
    return IdentifyInfo(
        peer_id=connection.peer_id,
        agent=message.agentVersion,
        protocol_version=message.protocolVersion,
        protocols=tuple(message.protocols),
        listen_addresses=_describe_untrusted(message.listenAddrs),
        observed_address=observed[0] if observed else None,
    )


async def identify_handler(stream: Stream) -> None:
    """Tell the peer about this end. It need not read: some peers send a stray byte, others nothing."""
    connection = stream.connection
    host, port = connection.remote
    message = Identify(
        publicKey=connection.local.identity.public_key.to_protobuf(),
        listenAddrs=[encode(address) for address in connection.local.addresses],
        protocols=connection.protocols,
        observedAddr=encode(WebRtcDirectAddress(ip_address(host.partition("%")[0]), port)),
        protocolVersion=_PROTOCOL_VERSION,
        agentVersion=_agent(),
    )
    encoded = message.SerializeToString()
    await stream.write(_encode_length(len(encoded)) + encoded)


@cache
def _agent() -> str:
    try:
        return f"webrtc-direct/{version('webrtc-direct')}"
    except PackageNotFoundError:
        return "webrtc-direct/source-tree"


async def _read_answer(stream: Stream) -> bytes:
    """Return all that the peer sends, or what it has sent when it does not end the stream in time."""
    limits = stream.connection.local.limits
    answer = b""
    with anyio.move_on_after(limits.negotiation_timeout):
        async for data in stream:
            answer += data
            if len(answer) > limits.max_identify:
                raise LimitExceeded("max_identify", limits.max_identify)
        return answer
    await stream.connection.give_up(stream)
    return answer


def parse_answer_untrusted(answer: bytes) -> Identify:
    """Return the messages in *answer*, merged: go-libp2p splits a long one in two."""
    message = Identify()
    if not answer:
        raise RemoteProtocolError("identify: no answer")
    while answer:
        size, start = _decode_length_untrusted(answer)
        if start + size > len(answer):
            raise RemoteProtocolError("identify: the answer is cut off")
        try:
            message.MergeFromString(answer[start : start + size])
        except DecodeError as error:
            raise RemoteProtocolError("identify: the answer is not an Identify message") from error
        answer = answer[start + size :]
    return message


def _describe_untrusted(addresses: Iterable[bytes]) -> tuple[str, ...]:
    texts = []
    for address in addresses:
        try:
            texts.append(describe_untrusted(address))
        except RemoteProtocolError:
            # Another transport's address, that this package has no use for.
            continue
    return tuple(texts)


def _encode_length(length: int) -> bytes:
    encoded = bytearray()
    while length >= _LAST_BYTE:
        encoded.append(length & 0x7F | _LAST_BYTE)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


def _decode_length_untrusted(data: bytes) -> tuple[int, int]:
    """Return the number that *data* begins with, and where it ends."""
    length = 0
    for index, byte in enumerate(data[:_MAX_LENGTH_BYTES]):
        length |= (byte & 0x7F) << 7 * index
        if byte < _LAST_BYTE:
            return length, index + 1
    raise RemoteProtocolError("identify: the answer has no length")
