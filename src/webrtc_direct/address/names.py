"""Addresses that hold a name in place of an IP address, and the addresses that it stands for.

    /dns|dns4|dns6/<name>/udp/<port>/webrtc-direct/certhash/<multihash>/p2p/<peer id>
    /dnsaddr/<name>[/p2p/<peer id>]

The event loop's resolver looks up the first kind. The second one stands for whole addresses, in TXT records
of ``_dnsaddr.<name>`` (multiformats, "DNSADDR"), which may lead to further names; dnspython reads them.
Nothing proves what the DNS says, so every number and size of it is bounded. Dialing is none of this module's
business.
"""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import anyio
from anyio.to_thread import run_sync

from webrtc_direct.address.multiaddr import (
    NAMES,
    WebRtcDirectAddress,
    check_destination,
    parse_dialed,
    parse_peer_id,
    split,
)
from webrtc_direct.bounds.limits import MAX_DNSADDR_DEPTH, MAX_LOOKUPS, MAX_RESOLVED_ADDRESSES
from webrtc_direct.errors import AddressError, NameNotResolved
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.runtime.outside_tasks import ThreadLimiter, thread_limiter
from webrtc_direct.runtime.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webrtc_direct.identity.identity import PeerId

logger: logging.Logger = logging.getLogger("webrtc_direct.names")

_FAMILIES = {"dns": socket.AF_UNSPEC, "dns4": socket.AF_INET, "dns6": socket.AF_INET6}
_RECORD_PREFIX = b"dnsaddr="
# RFC 1035 section 2.3.4.
_MAX_NAME = 253
_MAX_LABEL = 63
_LOOKUPS_AT_ONCE = 8
_LACKING = "dnspython not installed: pip install 'webrtc-direct[dnsaddr]'"


@dataclass(frozen=True)
class NamedAddress:
    """A name to look up, and what must hold for each address that it gives. ``str()`` gives the multiaddr."""

    kind: str
    """The component that holds the name: ``dns``, ``dns4``, ``dns6`` or ``dnsaddr``."""
    name: str
    port: int = 0
    """0 for ``dnsaddr``, whose answers have their own."""
    fingerprint: Fingerprint | None = None
    peer_id: PeerId | None = None

    def __str__(self) -> str:
        text = f"/{self.kind}/{self.name}"
        if self.fingerprint is not None:
            text += f"/udp/{self.port}/webrtc-direct/certhash/{self.fingerprint.certhash}"
        if self.peer_id is not None:
            text += f"/p2p/{self.peer_id}"
        return text

    def at(self, ip: IPv4Address | IPv6Address) -> WebRtcDirectAddress:
        """Return the same address with *ip* in place of the name. Raises AddressError."""
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        check_destination(ip)
        return WebRtcDirectAddress(ip, self.port, self.fingerprint, self.peer_id)


Target = WebRtcDirectAddress | NamedAddress
"""What can be dialed."""


def parse_target(address: object, *, any_peer: bool = False) -> Target:
    """Read an address to dial: a string, or anything whose ``str()`` is a multiaddr.

    With *any_peer* the peer id may be missing; then nothing proves who answers. That of a ``/dnsaddr`` may
    always be: then its answers say who it is.

    Raises:
        AddressError: it cannot be dialed; the error names the component at fault.
    """
    text = str(address).strip()
    components = split(text)
    kind, name = components[0]
    if kind not in NAMES:
        return WebRtcDirectAddress.parse(text, any_peer=any_peer)
    _check_name(kind, name)
    if kind == "dnsaddr":
        return NamedAddress(kind, name, peer_id=_parse_peer_id_alone(components[1:]))
    return NamedAddress(kind, name, *parse_dialed(components[1:], text, any_peer=any_peer))


async def resolve(target: NamedAddress, *, any_peer: bool, seconds: float) -> list[WebRtcDirectAddress]:
    """Return the addresses that *target* stands for, in the order in which to dial them.

    Raises:
        NameNotResolved: there are none, or none came within *seconds*.
    """
    lookup = _Lookup(any_peer=any_peer, seconds=seconds)
    with anyio.move_on_after(seconds) as scope:
        await lookup.look_up(target)
    found = in_turns(lookup.found)
    if not found:
        late = f"no answer in {seconds:g} s" if scope.cancelled_caught else None
        raise NameNotResolved(target.name, lookup.cause or late or "it has none")
    logger.info("%s is %s", target, ", ".join(map(str, found)))
    return found


def in_turns(addresses: Iterable[WebRtcDirectAddress]) -> list[WebRtcDirectAddress]:
    """Return *addresses* with IPv6 and IPv4 in turns, IPv6 first (RFC 8305 section 4)."""
    by_version: dict[int, list[WebRtcDirectAddress]] = {6: [], 4: []}
    for address in addresses:
        by_version[address.ip.version].append(address)
    both = chain.from_iterable(zip_longest(by_version[6], by_version[4]))
    return [address for address in both if address is not None]


def parse_record_untrusted(record: bytes, *, wanted: PeerId | None, any_peer: bool) -> Target | None:
    """Return the address in a TXT record, or ``None`` where it has none that would be dialed.

    *wanted* is the peer id that it must have, where it has one at all.
    """
    if not record.startswith(_RECORD_PREFIX):
        return None
    text = record.removeprefix(_RECORD_PREFIX).decode(errors="replace")
    try:
        target = parse_target(text, any_peer=any_peer or wanted is not None)
    except AddressError:
        # Other transports stand there as well, and other uses.
        return None
    if wanted is None or target.peer_id == wanted:
        return target
    return replace(target, peer_id=wanted) if target.peer_id is None else None


class _Lookup:
    """The addresses that one name stands for, also by way of others."""

    def __init__(self, *, any_peer: bool, seconds: float) -> None:
        # A dict keeps the order.
        self.found: dict[WebRtcDirectAddress, None] = {}
        self.cause: str | None = None
        self._any_peer = any_peer
        self._seconds = seconds
        self._begun: set[NamedAddress] = set()
        self._threads = thread_limiter(_LOOKUPS_AT_ONCE)

    async def look_up(self, target: NamedAddress, depth: int = MAX_DNSADDR_DEPTH) -> None:
        """Find the addresses of *target*, which may lead over *depth* other names at most."""
        self._begun.add(target)
        try:
            if target.kind == "dnsaddr":
                await self._look_up_dnsaddr(target, depth)
            else:
                self._take_answers_untrusted(target, await _addresses(target))
        except NameNotResolved as error:
            self._note(error.cause if error.name == target.name else str(error))

    async def _look_up_dnsaddr(self, target: NamedAddress, depth: int) -> None:
        records = await _records(target.name, self._seconds, self._threads)
        names = self._take_records_untrusted(target, records)
        if not names and not self.found:
            self._note(f"none of its {len(records)} TXT records has an address of WebRTC-Direct to dial")
        async with task_group() as tasks:
            for each in names:
                if each in self._begun:
                    continue
                if depth == 0 or len(self._begun) >= MAX_LOOKUPS:
                    self._note("it leads to too many other names")
                    break
                self._begun.add(each)
                tasks.start_soon(self.look_up, each, depth - 1, name="webrtc_direct lookup")

    def _take_records_untrusted(self, target: NamedAddress, records: list[bytes]) -> list[NamedAddress]:
        """Keep the addresses in *records*, and return the names."""
        names = []
        for record in records:
            each = parse_record_untrusted(record, wanted=target.peer_id, any_peer=self._any_peer)
            if isinstance(each, NamedAddress):
                names.append(each)
            elif each is not None:
                self._keep(each)
        return names

    def _take_answers_untrusted(self, target: NamedAddress, ips: list[str]) -> None:
        for ip in ips:
            try:
                self._keep(target.at(ip_address(ip)))
            except AddressError as error:
                self._note(str(error))

    def _keep(self, address: WebRtcDirectAddress) -> None:
        if len(self.found) < MAX_RESOLVED_ADDRESSES:
            self.found[address] = None

    def _note(self, cause: str) -> None:
        self.cause = self.cause or cause


async def _addresses(target: NamedAddress) -> list[str]:
    """Return the IP addresses of a host. Raises NameNotResolved."""
    try:
        answers = await anyio.getaddrinfo(
            target.name, target.port, family=_FAMILIES[target.kind], type=socket.SOCK_DGRAM
        )
    except (OSError, UnicodeError) as error:
        raise NameNotResolved(target.name, getattr(error, "strerror", None) or str(error)) from error
    return [sockaddr[0] for *_, sockaddr in answers]


async def _records(name: str, seconds: float, threads: ThreadLimiter) -> list[bytes]:
    """Return the TXT records that ``/dnsaddr/<name>`` stands for. Raises NameNotResolved."""
    try:
        import dns.exception  # noqa: PLC0415 - an extra
        import dns.resolver  # noqa: PLC0415
    except ImportError:
        raise NameNotResolved(name, _LACKING) from None

    def ask() -> list[bytes]:
        """Ask, in a thread: the program may have set the default resolver."""
        answer = dns.resolver.get_default_resolver().resolve(f"_dnsaddr.{name}", "TXT", lifetime=seconds)
        return [b"".join(record.strings) for record in answer]

    try:
        return await run_sync(ask, abandon_on_cancel=True, limiter=threads)
    except (dns.exception.DNSException, OSError) as error:
        raise NameNotResolved(name, str(error)) from error


def _check_name(kind: str, name: str) -> None:
    labels = name.removesuffix(".").split(".")
    if not name.isascii() or not name.isprintable() or " " in name:
        problem = "not a host name; one in other letters has an ASCII form (xn--...)"
    elif len(name) > _MAX_NAME or not all(0 < len(label) <= _MAX_LABEL for label in labels):
        problem = f"not a host name: {_MAX_NAME} characters at most, and {_MAX_LABEL} between two dots"
    else:
        return
    raise AddressError(component=kind, value=name, problem=problem)


def _parse_peer_id_alone(components: list[tuple[str, str]]) -> PeerId | None:
    """Read what may follow ``/dnsaddr/<name>``."""
    if not components:
        return None
    (name, value), *others = components
    if name not in ("p2p", "ipfs") or others:
        wrong = others[0][0] if others else name
        raise AddressError(
            component=wrong, value=value or wrong, problem="unexpected: only /p2p may follow /dnsaddr/<name>"
        )
    return parse_peer_id(value)
