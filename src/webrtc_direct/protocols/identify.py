"""``/ipfs/id/1.0.0``: what a peer says of itself. Nothing but its public key is proved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import TYPE_CHECKING

import anyio

from webrtc_direct import protobuf, varint
from webrtc_direct.errors import LimitExceeded, RemoteProtocolError
from webrtc_direct.multiaddr import WebRtcDirectAddress
from webrtc_direct.multiaddr_binary import describe_untrusted, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webrtc_direct.connection import Connection
    from webrtc_direct.identity import PeerId
    from webrtc_direct.stream import Stream

IDENTIFY_PROTOCOL = "/ipfs/id/1.0.0"

# What libp2p implementations call the family of protocols that they speak.
_PROTOCOL_VERSION = "ipfs/0.1.0"


class _Field(IntEnum):
    """The fields of the message ``Identify``, but for 8, a signed record of the addresses."""

    PUBLIC_KEY = 1
    LISTEN_ADDRS = 2
    PROTOCOLS = 3
    OBSERVED_ADDR = 4
    PROTOCOL_VERSION = 5
    AGENT_VERSION = 6


@dataclass(frozen=True)
class IdentifyInfo:
    """What a peer says about itself. All text comes from the peer: escape it before you show it."""

    peer_id: PeerId
    """The identity that the connection proved; it agrees with what the peer says here."""
    agent: str
    """Name and version of the peer's program."""
    protocol_version: str
    protocols: tuple[str, ...]
    """What the peer serves."""
    listen_addresses: tuple[str, ...]
    """Where the peer listens, as multiaddrs, without those that cannot be parsed."""
    observed_address: str | None
    """This end's address as the peer sees it."""


@dataclass
class Identify:
    """The message of the peer, as it came. What it does not say is empty."""

    public_key: bytes = b""
    listen_addresses: list[bytes] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    observed_address: bytes = b""
    protocol_version: str = ""
    agent: str = ""

    def set_untrusted(self, number: int, value: int | bytes) -> None:
        """Take the next field. Cannot fail: a field of another type is as good as unknown."""
        if isinstance(value, int):
            return
        match number:
            case _Field.PUBLIC_KEY:
                self.public_key = value
            case _Field.LISTEN_ADDRS:
                self.listen_addresses.append(value)
            case _Field.PROTOCOLS:
                self.protocols.append(_text(value))
            case _Field.OBSERVED_ADDR:
                self.observed_address = value
            case _Field.PROTOCOL_VERSION:
                self.protocol_version = _text(value)
            case _Field.AGENT_VERSION:
                self.agent = _text(value)


async def identify(connection: Connection) -> IdentifyInfo:
    """Return what the peer says about itself.

    Raises:
        ProtocolNotSupported: the peer does not support identify.
        RemoteProtocolError: the answer makes no sense, or contradicts the identity that was proved.
        LimitExceeded: the answer is longer than ``Limits.max_identify``.
        ConnectionLost: the connection ended meanwhile.
    """
    async with connection.open_stream(IDENTIFY_PROTOCOL) as stream:
        message = parse_answer_untrusted(await _read_answer(stream))
    if message.public_key and message.public_key != connection.public_key.to_protobuf():
        raise RemoteProtocolError("identify: the public key is not the one that was proved")
    observed = _describe_untrusted([message.observed_address])
    return IdentifyInfo(
        peer_id=connection.peer_id,
        agent=message.agent,
        protocol_version=message.protocol_version,
        protocols=tuple(message.protocols),
        listen_addresses=_describe_untrusted(message.listen_addresses),
        observed_address=observed[0] if observed else None,
    )


async def identify_handler(stream: Stream) -> None:
    """Tell the peer about this end. It need not read: some peers send a stray byte, others nothing."""
    connection = stream.connection
    host, port = connection.remote
    observed = WebRtcDirectAddress(ip_address(host.partition("%")[0]), port)
    encoded = protobuf.encode(
        [
            (_Field.PUBLIC_KEY, connection.local.identity.public_key.to_protobuf()),
            *(
                (_Field.LISTEN_ADDRS, encode(_without_zone(address)))
                for address in connection.local.addresses
            ),
            *((_Field.PROTOCOLS, protocol.encode()) for protocol in connection.protocols),
            (_Field.OBSERVED_ADDR, encode(observed)),
            (_Field.PROTOCOL_VERSION, _PROTOCOL_VERSION.encode()),
            (_Field.AGENT_VERSION, _agent().encode()),
        ]
    )
    await stream.write(varint.encode(len(encoded)) + encoded)


def _without_zone(address: WebRtcDirectAddress) -> WebRtcDirectAddress:
    # RFC 4007 section 6: a zone means something on its own machine alone.
    return replace(address, ip=ip_address(address.ip.packed))


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
    try:
        for part in _split_untrusted(answer):
            for number, value in protobuf.fields_untrusted(part):
                message.set_untrusted(number, value)
    except RemoteProtocolError as error:
        raise RemoteProtocolError(f"identify: {error.problem}") from error
    return message


def _split_untrusted(answer: bytes) -> Iterator[bytes]:
    position, end = 0, len(answer)
    while position < end:
        size, start = protobuf.number_untrusted(answer, position, end)
        position = start + size
        if position > end:
            raise RemoteProtocolError("the answer is cut off")
        yield answer[start:position]


def _describe_untrusted(addresses: Iterable[bytes]) -> tuple[str, ...]:
    texts = []
    for address in addresses:
        try:
            texts.append(describe_untrusted(address))
        except RemoteProtocolError:
            # Another transport's address, that this package has no use for.
            continue
    return tuple(texts)


def _text(value: bytes) -> str:
    """Decode what should be UTF-8, which protobuf's proto2 does not hold peers to."""
    return value.decode(errors="replace")
