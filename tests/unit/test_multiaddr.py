"""Addresses: what can be dialed and listened on, and how each mistake is named."""

from __future__ import annotations

import base64

import base58
import pytest

from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.errors import AddressError
from webrtc_direct.identity.fingerprint import Fingerprint

DIGEST = bytes(range(32))
CERTHASH = "uEiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw"
PEER_ID = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"
SHA256_PEER_ID = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
BASE = "/ip4/127.0.0.1/udp/4001/webrtc-direct"
FULL = f"{BASE}/certhash/{CERTHASH}/p2p/{PEER_ID}"


def test_full_address_is_read_and_written_unchanged() -> None:
    address = WebRtcDirectAddress.parse(FULL)
    assert str(address.ip) == "127.0.0.1"
    assert address.port == 4001
    assert address.fingerprint == Fingerprint(DIGEST)
    assert str(address.peer_id) == PEER_ID
    assert str(address) == FULL


def test_ipv6_is_written_in_its_short_form() -> None:
    text = FULL.replace("/ip4/127.0.0.1", "/ip6/2001:DB8:0:0:0:0:0:1")
    assert str(WebRtcDirectAddress.parse(text)) == FULL.replace("/ip4/127.0.0.1", "/ip6/2001:db8::1")


def test_anything_whose_text_is_a_multiaddr_can_be_dialed() -> None:
    class Multiaddr:
        def __str__(self) -> str:
            return FULL

    assert WebRtcDirectAddress.parse(Multiaddr()) == WebRtcDirectAddress.parse(
        WebRtcDirectAddress.parse(FULL)
    )


@pytest.mark.parametrize(
    "certhash",
    [
        "u" + base64.urlsafe_b64encode(b"\x12\x20" + DIGEST).decode().rstrip("="),
        "U" + base64.urlsafe_b64encode(b"\x12\x20" + DIGEST).decode(),
        "m" + base64.b64encode(b"\x12\x20" + DIGEST).decode().rstrip("="),
        "M" + base64.b64encode(b"\x12\x20" + DIGEST).decode(),
        "f" + (b"\x12\x20" + DIGEST).hex(),
        "F" + (b"\x12\x20" + DIGEST).hex().upper(),
        "b" + base64.b32encode(b"\x12\x20" + DIGEST).decode().lower().rstrip("="),
        "B" + base64.b32encode(b"\x12\x20" + DIGEST).decode().rstrip("="),
        "c" + base64.b32encode(b"\x12\x20" + DIGEST).decode().lower(),
        "C" + base64.b32encode(b"\x12\x20" + DIGEST).decode(),
        "z" + base58.b58encode(b"\x12\x20" + DIGEST).decode(),
    ],
)
def test_certhash_is_read_in_any_usual_multibase_and_written_as_base64url(certhash: str) -> None:
    address = WebRtcDirectAddress.parse(f"{BASE}/certhash/{certhash}/p2p/{PEER_ID}")
    assert str(address) == FULL


@pytest.mark.parametrize(
    ("peer_id", "canonical"),
    [
        (SHA256_PEER_ID, SHA256_PEER_ID),
        # libp2p specs, peer-ids.md, "String representation".
        ("bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe", SHA256_PEER_ID),
        ("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA", None),
    ],
)
def test_peer_id_is_read_as_base58_or_cid(peer_id: str, canonical: str | None) -> None:
    address = WebRtcDirectAddress.parse(f"{BASE}/certhash/{CERTHASH}/p2p/{peer_id}")
    assert str(address.peer_id) == (canonical or peer_id)


def test_the_old_name_of_the_peer_id_component_is_read() -> None:
    assert str(WebRtcDirectAddress.parse(FULL.replace("/p2p/", "/ipfs/"))) == FULL


def test_an_address_that_was_pasted_with_space_around_it_is_read() -> None:
    assert str(WebRtcDirectAddress.parse(f" \t{FULL}\r\n")) == FULL
    assert str(WebRtcDirectAddress.parse_listen(f"\n{BASE} ")) == BASE


def test_an_ipv4_mapped_address_is_the_ipv4_address() -> None:
    mapped = FULL.replace("/ip4/127.0.0.1", "/ip6/::ffff:127.0.0.1")
    assert str(WebRtcDirectAddress.parse(mapped)) == FULL
    assert str(WebRtcDirectAddress.parse_listen("/ip6/::ffff:7f00:1/udp/4001/webrtc-direct")) == BASE


def test_a_link_local_address_has_its_zone_before_it() -> None:
    text = FULL.replace("/ip4/127.0.0.1", "/ip6zone/eth0/ip6/fe80::1")
    address = WebRtcDirectAddress.parse(text)
    assert (str(address.ip), str(address)) == ("fe80::1%eth0", text)


def test_a_trailing_slash_is_ignored() -> None:
    assert str(WebRtcDirectAddress.parse(FULL + "/")) == FULL


def test_peer_id_may_be_missing_when_any_peer_will_do() -> None:
    text = f"{BASE}/certhash/{CERTHASH}"
    assert str(WebRtcDirectAddress.parse(text, any_peer=True)) == text


def _with(certhash: bytes) -> str:
    return f"{BASE}/certhash/u{base64.urlsafe_b64encode(certhash).decode().rstrip('=')}/p2p/{PEER_ID}"


@pytest.mark.parametrize(
    ("text", "component", "problem"),
    [
        ("", "multiaddr", "not a multiaddr"),
        ("/", "multiaddr", "not a multiaddr"),
        ("127.0.0.1:4001", "multiaddr", "not a multiaddr"),
        ("https://example.com", "multiaddr", "not a multiaddr"),
        ("//ip4/127.0.0.1", "multiaddr", "empty component"),
        ("/ip4/127.0.0.1/" + "x" * 2000, "multiaddr", "longer than"),
        ("/foo/bar", "foo", "expected ip4 or ip6"),
        ("/ip4", "ip4", "no value"),
        ("/ip4/localhost/udp/1/webrtc-direct", "ip4", "not an IP address"),
        ("/ip4/::1/udp/1/webrtc-direct", "ip4", "not an IP address"),
        ("/ip6/127.0.0.1/udp/1/webrtc-direct", "ip6", "not an IP address"),
        ("/ip6/fe80::1%eth0/udp/1/webrtc-direct", "ip6", "ip6zone"),
        ("/ip6/fe80::1/udp/1/webrtc-direct", "ip6", "needs its zone: /ip6zone/"),
        ("/ip6zone/eth0/ip6/2001:db8::1/udp/1/webrtc-direct", "ip6zone", "only a link-local address"),
        ("/ip6zone/eth0/ip4/127.0.0.1/udp/1/webrtc-direct", "ip6zone", "expected ip6"),
        ("/ip6zone/eth0", "ip6zone", "expected ip6"),
        ("/ip6zone", "ip6zone", "no value"),
        ("/ip6zone/a%b/ip6/fe80::1/udp/1/webrtc-direct", "ip6zone", "not the name"),
        (FULL.replace("127.0.0.1", "0.0.0.0"), "ip4", "stands for all addresses"),
        (FULL.replace("/ip4/127.0.0.1", "/ip6/::"), "ip6", "stands for all addresses"),
        (FULL.replace("/ip4/127.0.0.1", "/ip6/::ffff:0.0.0.0"), "ip4", "stands for all addresses"),
        (FULL.replace("127.0.0.1", "224.0.0.251"), "ip4", "multicast"),
        (FULL.replace("/ip4/127.0.0.1", "/ip6/ff02::fb"), "ip6", "multicast"),
        (FULL.replace("127.0.0.1", "255.255.255.255"), "ip4", "broadcast"),
        ("/dns4/example.com/udp/1/webrtc-direct", "dns4", "not looked up"),
        ("/dnsaddr/example.com/p2p/" + PEER_ID, "dnsaddr", "not looked up"),
        ("/ip4/127.0.0.1", "udp", "another transport"),
        ("/ip4/127.0.0.1/tcp/4001", "tcp", "another transport"),
        ("/ip4/127.0.0.1/tcp/4001/ws/p2p/" + PEER_ID, "tcp", "another transport"),
        ("/ip4/127.0.0.1/udp", "udp", "no value"),
        ("/ip4/127.0.0.1/udp/4001", "webrtc-direct", "another transport"),
        ("/ip4/127.0.0.1/udp/4001/quic-v1/p2p/" + PEER_ID, "quic-v1", "another transport"),
        ("/ip4/127.0.0.1/udp/4001/webrtc/certhash/" + CERTHASH, "webrtc", "another transport"),
        (f"/ip4/127.0.0.1/udp/4001/quic-v1/p2p/{PEER_ID}/p2p-circuit", "p2p-circuit", "relayed"),
        (FULL.replace("/4001/", "/0/"), "udp", "port 0"),
        (FULL.replace("/4001/", "/65536/"), "udp", "not a port"),
        (FULL.replace("/4001/", "/-1/"), "udp", "not a port"),
        (FULL.replace("/4001/", "/\N{ARABIC-INDIC DIGIT ONE}/"), "udp", "not a port"),
        (f"{BASE}/p2p/{PEER_ID}", "certhash", "missing"),
        (f"{BASE}/certhash", "certhash", "no value"),
        (f"{BASE}/certhash/{CERTHASH}/certhash/{CERTHASH}/p2p/{PEER_ID}", "certhash", "more than one"),
        (f"{BASE}/certhash/x{CERTHASH}/p2p/{PEER_ID}", "certhash", "multibase"),
        (f"{BASE}/certhash/u!{CERTHASH}/p2p/{PEER_ID}", "certhash", "multibase"),
        (_with(b"\x11\x14" + bytes(20)), "certhash", "not a SHA-256"),
        (_with(b"\x13\x40" + bytes(64)), "certhash", "not a SHA-256"),
        (_with(b"\x12\x1f" + bytes(31)), "certhash", "32 bytes"),
        (_with(b"\x12\x20" + bytes(31)), "certhash", "32 bytes"),
        (_with(b"\x12\x20" + bytes(33)), "certhash", "32 bytes"),
        (f"{BASE}/certhash/u", "certhash", "not a SHA-256"),
        (f"{BASE}/certhash/{CERTHASH}", "p2p", "missing"),
        (f"{BASE}/certhash/{CERTHASH}/p2p", "p2p", "no value"),
        (f"{BASE}/certhash/{CERTHASH}/p2p/nonsense", "p2p", "not a peer id"),
        (f"{BASE}/certhash/{CERTHASH}/p2p/Qm0OIl", "p2p", "not a peer id"),
        # A CID of a dag-pb node, and a SHA-1 multihash.
        (
            f"{BASE}/certhash/{CERTHASH}/p2p/bafybeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe",
            "p2p",
            "something else than a libp2p key",
        ),
        (f"{BASE}/certhash/{CERTHASH}/p2p/5dqvXR93VnV1Grn96DBGdqEQAbJe1e", "p2p", "not a peer id"),
        (f"{BASE}/certhash/{CERTHASH}/p2p/{PEER_ID}/p2p/{PEER_ID}", "p2p", "more than one"),
        (f"{BASE}/p2p/{PEER_ID}/certhash/{CERTHASH}", "p2p", "last component"),
        (f"{FULL}/ws", "ws", "unexpected"),
    ],
)
def test_what_cannot_be_dialed_names_the_component_at_fault(text: str, component: str, problem: str) -> None:
    with pytest.raises(AddressError, match=problem) as caught:
        WebRtcDirectAddress.parse(text)
    assert caught.value.component == component
    assert component in str(caught.value)
    assert caught.value.value in text or caught.value.value == component


@pytest.mark.parametrize("text", ["/ip4/0.0.0.0/udp/0/webrtc-direct", "/ip6/::/udp/65535/webrtc-direct"])
def test_address_to_listen_on(text: str) -> None:
    assert str(WebRtcDirectAddress.parse_listen(text)) == text


@pytest.mark.parametrize(
    ("text", "component", "problem"),
    [
        (FULL, "certhash", "follows from"),
        (f"{BASE}/p2p/{PEER_ID}", "p2p", "follows from"),
        (f"{BASE}/ws", "ws", "unexpected"),
        ("/ip4/0.0.0.0/tcp/0", "tcp", "another transport"),
    ],
)
def test_what_cannot_be_listened_on_names_the_component_at_fault(
    text: str, component: str, problem: str
) -> None:
    with pytest.raises(AddressError, match=problem) as caught:
        WebRtcDirectAddress.parse_listen(text)
    assert caught.value.component == component


def test_fingerprint_in_all_its_forms() -> None:
    fingerprint = Fingerprint.from_certificate(b"der")
    assert len(fingerprint.digest) == 32
    assert fingerprint.multihash == b"\x12\x20" + fingerprint.digest
    assert Fingerprint.from_multihash(fingerprint.multihash) == fingerprint
    assert Fingerprint.from_certhash(fingerprint.certhash) == fingerprint
    assert fingerprint.sdp.split(":") == [f"{byte:02X}" for byte in fingerprint.digest]
    assert str(fingerprint) == fingerprint.certhash
    assert fingerprint.certhash in repr(fingerprint)


def test_fingerprint_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Fingerprint(bytes(31))
