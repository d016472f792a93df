"""Zones of link-local addresses: names of this machine's network interfaces, numbers to its system."""

from __future__ import annotations

import socket

from webrtc_direct.errors import AddressError


def split_zone(ip: str) -> tuple[str, int]:
    """Return *ip* without its zone, and the number of that, 0 for none.

    Raises:
        AddressError: the zone is neither name nor number of a network interface.
    """
    address, _, zone = ip.partition("%")
    if not zone:
        return address, 0
    by_name = {name: number for number, name in socket.if_nameindex()}
    number = by_name.get(zone) or next((each for each in by_name.values() if str(each) == zone), None)
    if number is None:
        problem = "this machine has no such network interface"
        raise AddressError(component="ip6zone", value=zone, problem=problem)
    return address, number


def name_zone(ip: str) -> str:
    """Return *ip* with the name of its zone in place of the number, if it has one."""
    address, _, number = ip.partition("%")
    if not number:
        return ip
    try:
        return f"{address}%{socket.if_indextoname(int(number))}"
    except OSError:
        # The interface has gone meanwhile.
        return ip
