"""Which addresses a listener on a wildcard address can be reached at."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

# RFC 5737 and RFC 3849: addresses for documentation, which no packet is sent to here.
_ELSEWHERE = {4: (socket.AF_INET, "192.0.2.1"), 6: (socket.AF_INET6, "2001:db8::1")}
_LOOPBACK: dict[int, IPv4Address | IPv6Address] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}
_DISCARD_PORT = 9


def reachable_addresses(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return *ip*, or for a wildcard the loopback address and the one that the default route uses."""
    if not ip.is_unspecified:
        return [ip]
    addresses = [_LOOPBACK[ip.version]]
    family, elsewhere = _ELSEWHERE[ip.version]
    try:
        # Connecting a UDP socket sends nothing; it asks the system for the route.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, _DISCARD_PORT))
            routed = ip_address(str(probe.getsockname()[0]).partition("%")[0])
    except OSError:
        return addresses
    if routed not in addresses:
        addresses.append(routed)
    return addresses
