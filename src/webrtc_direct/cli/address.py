"""``webrtc-direct address``: what a multiaddr says, part by part, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webrtc_direct.address.multiaddr import WebRtcDirectAddress, ip_text
from webrtc_direct.address.names import NamedAddress, parse_target
from webrtc_direct.cli.given import address_argument
from webrtc_direct.cli.output import write_json
from webrtc_direct.cli.target import json_option
from webrtc_direct.handshake.sdp import make_session
from webrtc_direct.identity.certificate import Certificate

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from webrtc_direct.address.names import Target
    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.handshake.sdp import SessionParameters

EPILOG = """\b
Examples:
  webrtc-direct address MULTIADDR
  webrtc-direct address MULTIADDR --sdp --version v2
"""


@click.command("address", epilog=EPILOG)
@address_argument
@click.option("--sdp", is_flag=True, help="Print the offer and the answer of a dial (steps 3 and 4).")
@click.option(
    "--version",
    type=click.Choice(["v1", "v2"]),
    default="v1",
    show_default=True,
    help="Handshake version that --sdp shows.",
)
@json_option
def address_command(*, address: str, sdp: bool, version: Version, as_json: bool) -> None:
    """Explain MULTIADDR part by part. Nothing is sent.

    With --sdp it prints the two session descriptions instead. Their credentials and the
    client's certificate are new each time, as they are for a dial.
    """
    parsed = parse_target(address, any_peer=True)
    # A description needs an IP address: `parse` says so.
    session = _session(WebRtcDirectAddress.parse(address, any_peer=True), version) if sdp else None
    if as_json:
        write_json(_document(parsed, session))
    elif session is not None:
        click.echo(f"# offer: local description of the client, {version}")
        click.echo(session.offer_sdp().replace("\r\n", "\n"))
        click.echo("# answer: remote description, made by the client from the address")
        click.echo(session.answer_sdp().replace("\r\n", "\n"), nl=False)
    else:
        _explain(parsed)


def _session(address: WebRtcDirectAddress, version: Version) -> SessionParameters:
    fingerprint = Certificate.generate().fingerprint
    return make_session(address, version=version, certificate_fingerprint=fingerprint)


def _document(address: Target, session: SessionParameters | None) -> dict[str, object]:
    document: dict[str, object] = {
        "address": str(address),
        "ip": str(address.ip) if isinstance(address, WebRtcDirectAddress) else None,
        "name": address.name if isinstance(address, NamedAddress) else None,
        "port": address.port or None,
        "certhash": None if address.fingerprint is None else address.fingerprint.certhash,
        "fingerprint": None if address.fingerprint is None else address.fingerprint.sdp,
        "peer_id": None if address.peer_id is None else str(address.peer_id),
    }
    if session is not None:
        document |= {"version": session.version, "offer": session.offer_sdp(), "answer": session.answer_sdp()}
    return document


def _explain(address: Target) -> None:
    parts = [_host(address)]
    if address.port:
        parts.append((f"/udp/{address.port}", "its UDP port"))
        parts.append(("/webrtc-direct", "the transport: libp2p WebRTC-Direct, without signalling server"))
    if address.fingerprint is not None:
        parts.append(
            (
                "/certhash/" + address.fingerprint.certhash,
                "the hash of the DTLS certificate that it must have",
            )
        )
        parts.append(
            ("", "u means base64url; 12 20 means a SHA-256 digest of 32 bytes; then comes the digest:")
        )
        parts.append(("", address.fingerprint.sdp))
    if address.peer_id is None:
        by_name = "the addresses of the name say who it is" if address.fingerprint is None else None
        parts.append(
            ("(no /p2p)", by_name or "can only be dialed with --any-peer, which accepts any peer id")
        )
    else:
        parts.append((f"/p2p/{address.peer_id}", "the identity that it must prove in the Noise handshake"))
    for part, meaning in parts:
        if part:
            click.echo(click.style(part, bold=True))
        click.echo(f"    {meaning}")


def _host(address: Target) -> tuple[str, str]:
    if isinstance(address, WebRtcDirectAddress):
        return ip_text(address.ip), f"where the listener is: {_reach(address.ip)}"
    where = f"/{address.kind}/{address.name}"
    if address.kind == "dnsaddr":
        return (
            where,
            f"the addresses in the TXT records of _dnsaddr.{address.name}, looked up when it is dialed",
        )
    family = {"dns": "IPv6 and IPv4", "dns4": "IPv4", "dns6": "IPv6"}[address.kind]
    return where, f"where the listener is: a name, whose {family} addresses are looked up when it is dialed"


def _reach(ip: IPv4Address | IPv6Address) -> str:
    if ip.is_loopback:
        return "this machine; others cannot reach it"
    if ip.is_link_local:
        return "a link-local address, reachable only on its own link"
    if ip.is_private:
        return "a private address, reachable only within its own network"
    return f"a public IPv{ip.version} address"
