"""The binary form of multiaddrs, which identify carries (multiformats, "multiaddr").

Writing covers what this package listens on; reading covers what other peers announce, so
that it can be shown.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from webrtc_direct.encoding import multibase, varint
from webrtc_direct.errors import IdentityError, RemoteProtocolError
from webrtc_direct.identity.identity import PeerId

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.address.multiaddr import WebRtcDirectAddress

# Numbers of the multicodec table.
_IP4, _IP6, _IP6ZONE, _UDP, _WEBRTC_DIRECT, _CERTHASH, _P2P = 0x04, 0x29, 0x2A, 0x0111, 0x0118, 0x01D2, 0x01A5

_MAX_ADDRESS = 1024
_MAX_NAME = 253


def _port(value: bytes) -> str:
    return str(int.from_bytes(value, "big"))


def _name(value: bytes) -> str:
    name = value.decode("ascii")
    if not name.isprintable() or not 0 < len(name) <= _MAX_NAME or "/" in name or " " in name:
        raise ValueError("not a host name")
    return name


def _peer_id(value: bytes) -> str:
    return str(PeerId.from_bytes(value))


# Number -> name, size of the value (None: a varint gives it), and how to show the value.
_COMPONENTS: dict[int, tuple[str, int | None, Callable[[bytes], str]]] = {
    _IP4: ("ip4", 4, lambda value: str(IPv4Address(value))),
    _IP6: ("ip6", 16, lambda value: str(IPv6Address(value))),
    0x06: ("tcp", 2, _port),
    _UDP: ("udp", 2, _port),
    0x35: ("dns", None, _name),
    0x36: ("dns4", None, _name),
    0x37: ("dns6", None, _name),
    0x38: ("dnsaddr", None, _name),
    _IP6ZONE: ("ip6zone", None, _name),
    0x01C1: ("sni", None, _name),
    _CERTHASH: ("certhash", None, multibase.encode_base64url),
    _P2P: ("p2p", None, _peer_id),
}
# Components without a value.
_FLAGS = {
    _WEBRTC_DIRECT: "webrtc-direct",
    0x0119: "webrtc",
    0x0122: "p2p-circuit",
    0x01BB: "https",
    0x01C0: "tls",
    0x01C6: "noise",
    0x01CC: "quic",
    0x01CD: "quic-v1",
    0x01D1: "webtransport",
    0x01DD: "ws",
    0x01DE: "wss",
    0x01E0: "http",
}


def encode(address: WebRtcDirectAddress) -> bytes:
    """Return the binary form of *address*."""
    ip = _IP4 if address.ip.version == 4 else _IP6
    parts: list[bytes] = []
    if isinstance(address.ip, IPv6Address) and address.ip.scope_id is not None:
        zone = address.ip.scope_id.encode()
        parts += (varint.encode(_IP6ZONE), varint.encode(len(zone)), zone)
    parts += (varint.encode(ip), address.ip.packed, varint.encode(_UDP), address.port.to_bytes(2, "big"))
    parts.append(varint.encode(_WEBRTC_DIRECT))
    if address.fingerprint is not None:
        multihash = address.fingerprint.multihash
        parts += (varint.encode(_CERTHASH), varint.encode(len(multihash)), multihash)
    if address.peer_id is not None:
        multihash = address.peer_id.multihash
        parts += (varint.encode(_P2P), varint.encode(len(multihash)), multihash)
    return b"".join(parts)


def describe_untrusted(data: bytes) -> str:
    """Return the text form of any binary multiaddr.

    Raises:
        RemoteProtocolError: it is not well-formed, or has a component that is not known here.
    """
    if not 0 < len(data) <= _MAX_ADDRESS:
        raise RemoteProtocolError(f"a multiaddr of {len(data)} bytes")
    text = ""
    position = 0
    while position < len(data):
        number, position = _number_untrusted(data, position)
        if number in _FLAGS:
            text += f"/{_FLAGS[number]}"
            continue
        if number not in _COMPONENTS:
            raise RemoteProtocolError(f"a multiaddr with the unknown component {number}")
        name, size, show = _COMPONENTS[number]
        if size is None:
            size, position = _number_untrusted(data, position)
        value = data[position : position + size]
        position += size
        if position > len(data):
            raise RemoteProtocolError("a multiaddr that is cut off")
        try:
            text += f"/{name}/{show(value)}"
        except (ValueError, IdentityError) as error:
            raise RemoteProtocolError(f"a multiaddr whose {name} is not valid") from error
    return text


def _number_untrusted(data: bytes, position: int) -> tuple[int, int]:
    if position < len(data):
        number = varint.read_untrusted(data, position, len(data))
        if number is not None:
            return number
    raise RemoteProtocolError("a multiaddr that is cut off")
