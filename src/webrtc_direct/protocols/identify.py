"""``/ipfs/id/1.0.0``: what a peer says of itself. Nothing but its public key is proved."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from time import time_ns
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.address.multiaddr_binary import describe_untrusted, encode
from webrtc_direct.connection.peer_info import IdentifyInfo
from webrtc_direct.encoding import protobuf, varint
from webrtc_direct.errors import LimitExceeded, RemoteProtocolError
from webrtc_direct.protocols.peer_record import open_record_untrusted, sign_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.streams.stream import Stream

logger: logging.Logger = logging.getLogger("webrtc_direct.identify")

IDENTIFY_PROTOCOL = "/ipfs/id/1.0.0"

# What libp2p implementations call the family of protocols that they speak.
_PROTOCOL_VERSION = "ipfs/0.1.0"


class _Field(IntEnum):
    """The fields of the message ``Identify``."""

    PUBLIC_KEY = 1
    LISTEN_ADDRS = 2
    PROTOCOLS = 3
    OBSERVED_ADDR = 4
    PROTOCOL_VERSION = 5
    AGENT_VERSION = 6
    SIGNED_PEER_RECORD = 8


@dataclass
class Identify:
    """The message of the peer, as it came. What it does not say is empty."""

    public_key: bytes = b""
    listen_addresses: list[bytes] = field(default_factory=list)
    protocols: list[str] = field(default_factory=list)
    observed_address: bytes = b""
    protocol_version: str = ""
    agent: str = ""
    signed_record: bytes = b""

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
            case _Field.SIGNED_PEER_RECORD:
                self.signed_record = value


async def identify(connection: Connection) -> IdentifyInfo:
    """Return what the peer says about itself.

    Raises:
        ProtocolNotSupported: the peer does not support identify.
        RemoteProtocolError: the answer makes no sense, or contradicts the identity that was proved.
        LimitExceeded: the answer is longer than ``Limits.max_identify``.
        ConnectionLost: the connection ended meanwhile.
    """
    async with connection.open_stream(IDENTIFY_PROTOCOL) as stream:
        message = await read_message(stream)
    return await take_untrusted(connection, message, before=None)


async def take_untrusted(
    connection: Connection, message: Identify, *, before: IdentifyInfo | None
) -> IdentifyInfo:
    """Return what *message* says; where it says nothing, what the peer said *before*. Keeps it.

    Raises:
        RemoteProtocolError: it contradicts the identity that was proved.
    """
    if message.public_key and message.public_key != connection.public_key.to_protobuf():
        raise RemoteProtocolError("identify: the public key is not the one that was proved")
    before = before or IdentifyInfo(connection.peer_id, "", "", (), (), None)
    observed = _describe_untrusted([message.observed_address])
    info = IdentifyInfo(
        peer_id=connection.peer_id,
        agent=message.agent or before.agent,
        protocol_version=message.protocol_version or before.protocol_version,
        protocols=tuple(message.protocols) or before.protocols,
        listen_addresses=_describe_untrusted(message.listen_addresses) or before.listen_addresses,
        observed_address=observed[0] if observed else before.observed_address,
        signed_addresses=await _signed_untrusted(connection, message.signed_record)
        or before.signed_addresses,
    )
    connection.identified = info
    return info


async def _signed_untrusted(connection: Connection, record: bytes) -> tuple[str, ...]:
    if not record:
        return ()
    try:
        return _describe_untrusted(await open_record_untrusted(record, connection.public_key))
    except RemoteProtocolError as error:
        # Older versions of some libraries sign in another way. What it says is in the message as well.
        logger.debug("%r: %s", connection, error)
        return ()


async def identify_handler(stream: Stream) -> None:
    """Tell the peer about this end. It need not read: some peers send a stray byte, others nothing."""
    await stream.write(await own_message(stream.connection))


async def own_message(connection: Connection) -> bytes:
    """Return what this end says of itself, with its length before it."""
    local = connection.local
    host, port = connection.remote
    observed = WebRtcDirectAddress(ip_address(host.partition("%")[0]), port)
    fields: list[tuple[int, bytes]] = [
        (_Field.PUBLIC_KEY, local.identity.public_key.to_protobuf()),
        *((_Field.LISTEN_ADDRS, encode(_without_zone(address))) for address in local.addresses),
        *((_Field.PROTOCOLS, protocol.encode()) for protocol in connection.protocols),
        (_Field.OBSERVED_ADDR, encode(observed)),
        (_Field.PROTOCOL_VERSION, _PROTOCOL_VERSION.encode()),
        (_Field.AGENT_VERSION, _agent().encode()),
    ]
    if local.addresses:
        if not local.signed_record:
            # Signed once: the addresses stay as they are, and whoever asks again costs nothing more.
            addresses = [encode(replace(_without_zone(each), peer_id=None)) for each in local.addresses]
            record = await sign_record(local.identity, addresses, sequence=time_ns())
            local.signed_record[:] = [record]
        fields.append((_Field.SIGNED_PEER_RECORD, local.signed_record[0]))
    encoded = protobuf.encode(fields)
    return varint.encode(len(encoded)) + encoded


async def read_message(stream: Stream) -> Identify:
    """Return what the peer says on *stream* of itself. Raises as ``identify`` does."""
    return parse_answer_untrusted(await _read_answer(stream))


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
