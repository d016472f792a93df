"""Step 1 of a connection: the multiaddr of a WebRTC-Direct listener, and nothing else.

    /ip4|ip6/<address>/udp/<port>/webrtc-direct/certhash/<multihash>/p2p/<peer id>

A link-local address has ``/ip6zone/<network interface>`` before it.

Other multiaddrs are refused by naming the component at fault. Their binary form, which
identify carries, is in ``multiaddr_binary.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NoReturn

from webrtc_direct.errors import AddressError, IdentityError
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.identity.identity import PeerId

_MAX_PORT = 65535
_MAX_PORT_DIGITS = 5
_MAX_TEXT = 1024
# Linux gives the name of a network interface 15 characters, others a few more.
_MAX_ZONE = 64
_BROADCAST = IPv4Address("255.255.255.255")

# Components without a value and with one, as far as they are worth naming in an error message.
_FLAGS = frozenset(
    "webrtc-direct webrtc webtransport quic quic-v1 ws wss tls noise http https utp udt p2p-circuit "
    "p2p-webrtc-direct p2p-webrtc-star p2p-websocket-star p2p-stardust".split()
)
_VALUES = frozenset("ip4 ip6 ip6zone tcp udp dns dns4 dns6 dnsaddr certhash p2p ipfs".split())
NAMES: frozenset[str] = frozenset({"dns", "dns4", "dns6", "dnsaddr"})
"""Components that hold a name in place of an IP address; ``names.py`` looks it up."""

_PEER_ID_COMPONENTS = frozenset({"p2p", "ipfs"})


@dataclass(frozen=True)
class WebRtcDirectAddress:
    """The place of a listener, its certificate and its identity.

    ``str()`` gives the canonical multiaddr. The zone of a link-local address is in ``ip.scope_id``.
    """

    ip: IPv4Address | IPv6Address
    port: int
    fingerprint: Fingerprint | None = None
    peer_id: PeerId | None = None

    @classmethod
    def parse(cls, address: object, *, any_peer: bool = False) -> WebRtcDirectAddress:
        """Read an address to dial: a string, or anything whose ``str()`` is a multiaddr.

        With *any_peer* the peer id may be missing; then nothing proves who answers.

        Raises:
            AddressError: it cannot be dialed; the error names the component at fault.
        """
        text = str(address).strip()
        ip, rest = _parse_host(split(text))
        parsed = parse_dialed(rest, text, any_peer=any_peer)
        check_destination(ip)
        return cls(ip, *parsed)

    @classmethod
    def parse_listen(cls, address: object) -> WebRtcDirectAddress:
        """Read an address to listen on: it ends in ``/webrtc-direct``; port 0 lets the system choose.

        Raises:
            AddressError: it is not such an address; the error names the component at fault.
        """
        text = str(address).strip()
        ip, after_ip = _parse_host(split(text))
        port, rest = parse_after_host(after_ip, text)
        if rest:
            name, value = rest[0]
            known = name == "certhash" or name in _PEER_ID_COMPONENTS
            _refuse(
                name,
                value or name,
                "not part of an address to listen on: it follows from the certificate and the identity"
                if known
                else "unexpected after /webrtc-direct",
            )
        return cls(ip, port)

    def __str__(self) -> str:
        text = f"{ip_text(self.ip)}/udp/{self.port}/webrtc-direct"
        if self.fingerprint is not None:
            text += f"/certhash/{self.fingerprint.certhash}"
        if self.peer_id is not None:
            text += f"/p2p/{self.peer_id}"
        return text


def ip_text(ip: IPv4Address | IPv6Address) -> str:
    """Return the components of a multiaddr that stand for *ip*."""
    address, _, zone = str(ip).partition("%")
    return (f"/ip6zone/{zone}" if zone else "") + f"/ip{ip.version}/{address}"


def _refuse(component: str, value: str, problem: str) -> NoReturn:
    raise AddressError(component=component, value=value, problem=problem)


def _parse_host(components: list[tuple[str, str]]) -> tuple[IPv4Address | IPv6Address, list[tuple[str, str]]]:
    """Return the IP address at the start, and the components that follow it."""
    zone = components.pop(0)[1] if components[0][0] == "ip6zone" else None
    name, value = components[0] if components else ("", "")
    if name in NAMES:
        _refuse(name, value, "names are not looked up here: put an IP address (ip4, ip6) in its place")
    if zone is not None and name != "ip6":
        _refuse("ip6zone", zone, "expected ip6 after it")
    if name not in ("ip4", "ip6"):
        _refuse(name, value or name, "expected ip4 or ip6 at the start")
    return _parse_ip(name, value, zone), components[1:]


def parse_after_host(components: list[tuple[str, str]], text: str) -> tuple[int, list[tuple[str, str]]]:
    """Return the port, and what follows ``/webrtc-direct``. *components* stand after the host in *text*.

    Raises:
        AddressError: it is another transport.
    """
    names = [name for name, _ in components]
    if "p2p-circuit" in names:
        _refuse("p2p-circuit", text, "a relayed address: only direct ones can be used here")
    transport, security, *_ = [*names, "", ""]
    if transport != "udp":
        _refuse(transport or "udp", text, "another transport: expected /udp/<port>/webrtc-direct")
    port = _parse_port(components[0][1])
    if security != "webrtc-direct":
        _refuse(
            security or "webrtc-direct", text, "another transport: expected /webrtc-direct after the port"
        )
    return port, components[2:]


def parse_dialed(
    components: list[tuple[str, str]], text: str, *, any_peer: bool
) -> tuple[int, Fingerprint, PeerId | None]:
    """Return port, fingerprint and peer id of an address to dial. *components* stand after its host.

    Raises:
        AddressError: it cannot be dialed; with *any_peer* the peer id may be missing.
    """
    port, rest = parse_after_host(components, text)
    if port == 0:
        _refuse("udp", "0", "port 0 cannot be dialed")
    certhash, peer_id = _parse_proof(rest)
    if certhash is None:
        _refuse("certhash", text, "missing: without it the server's certificate cannot be checked")
    fingerprint = Fingerprint.from_certhash(certhash)
    if peer_id is None and not any_peer:
        _refuse("p2p", text, "missing: without it the peer's identity cannot be checked")
    return port, fingerprint, None if peer_id is None else parse_peer_id(peer_id)


def _parse_proof(rest: list[tuple[str, str]]) -> tuple[str | None, str | None]:
    """Return certhash and peer id out of what follows ``/webrtc-direct``: each at most once."""
    certhash: str | None = None
    peer_id: str | None = None
    for name, value in rest:
        if name == "certhash":
            if peer_id is not None:
                _refuse("p2p", peer_id, "must be the last component")
            if certhash is not None:
                _refuse("certhash", value, "more than one; a server has one certificate")
            certhash = value
        elif name in _PEER_ID_COMPONENTS:
            if peer_id is not None:
                _refuse("p2p", value, "more than one")
            peer_id = value
        else:
            _refuse(name, value or name, "unexpected after /webrtc-direct")
    return certhash, peer_id


def split(text: str) -> list[tuple[str, str]]:
    """Return (name, value) of each component; the value is "" where the component has none.

    Raises:
        AddressError: *text* is not a multiaddr.
    """
    if not text.startswith("/") or text == "/":
        _refuse("multiaddr", text, "not a multiaddr: it must begin with /ip4/ or /ip6/")
    if len(text) > _MAX_TEXT:
        _refuse("multiaddr", text[:_MAX_TEXT], f"longer than {_MAX_TEXT} characters")
    components: list[tuple[str, str]] = []
    parts = iter(text.removesuffix("/").split("/")[1:])
    for name in parts:
        if not name:
            _refuse("multiaddr", text, "not a multiaddr: an empty component")
        if name in _FLAGS:
            components.append((name, ""))
            continue
        value = next(parts, "")
        if not value and name in _VALUES:
            _refuse(name, text, "has no value")
        components.append((name, value))
    return components


def _parse_ip(name: str, value: str, zone: str | None) -> IPv4Address | IPv6Address:
    try:
        if name == "ip4":
            return IPv4Address(value)
        ip = IPv6Address(value)
    except AddressValueError as error:
        raise AddressError(component=name, value=value, problem=f"not an IP address: {error}") from error
    if ip.scope_id is not None:
        _refuse(name, value, "a zone (%…) has a component of its own: /ip6zone/<zone>/ip6/<address>")
    if ip.ipv4_mapped is not None and zone is None:
        # The sockets are of one family each; this one is IPv4.
        return ip.ipv4_mapped
    if ip.is_link_local:
        if zone is None:
            _refuse(name, value, "a link-local address needs its zone: /ip6zone/<network interface>/ip6/…")
        return _with_zone(ip, zone)
    if zone is not None:
        _refuse("ip6zone", zone, "only a link-local address (fe80::…) has a zone")
    return ip


def _with_zone(ip: IPv6Address, zone: str) -> IPv6Address:
    usual = zone.isascii() and zone.isprintable() and len(zone) <= _MAX_ZONE
    if not usual or "%" in zone or " " in zone:
        _refuse("ip6zone", zone, "not the name or number of a network interface")
    return IPv6Address(f"{ip}%{zone}")


def check_destination(ip: IPv4Address | IPv6Address) -> None:
    """Refuse what is no single machine's address. Raises AddressError."""
    name = f"ip{ip.version}"
    if ip.is_unspecified:
        _refuse(
            name, str(ip), "stands for all addresses of a listener: put the one of its machine in its place"
        )
    if ip.is_multicast:
        _refuse(name, str(ip), "a multicast address: a connection has one peer")
    if ip == _BROADCAST:
        _refuse(name, str(ip), "the broadcast address: a connection has one peer")


def _parse_port(value: str) -> int:
    number = value.isascii() and value.isdigit() and len(value) <= _MAX_PORT_DIGITS
    if not number or int(value) > _MAX_PORT:
        _refuse("udp", value, f"not a port number from 0 to {_MAX_PORT}")
    return int(value)


def parse_peer_id(value: str) -> PeerId:
    """Read the value of a ``/p2p`` component. Raises AddressError."""
    try:
        return PeerId.from_string(value)
    except IdentityError as error:
        raise AddressError(component="p2p", value=value, problem=error.problem) from error
