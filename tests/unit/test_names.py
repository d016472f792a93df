"""Addresses that hold a name: read, written, and what the DNS may say of them. Nothing is looked up here."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.address.names import NamedAddress, in_turns, parse_record_untrusted, parse_target
from webrtc_direct.errors import AddressError
from webrtc_direct.identity.identity import KeyPair, PeerId

CERTHASH = "uEiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw"
PEER_ID = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"
PROOF = f"/udp/4001/webrtc-direct/certhash/{CERTHASH}/p2p/{PEER_ID}"
WANTED = PeerId.from_string(PEER_ID)


@pytest.mark.parametrize(
    "text",
    [
        f"/dns/example.com{PROOF}",
        f"/dns4/a_b.example{PROOF}",
        f"/dns6/xn--bcher-kva.example.{PROOF}",
        "/dnsaddr/example.com",
        f"/dnsaddr/example.com/p2p/{PEER_ID}",
    ],
)
def test_a_name_is_read_and_written_unchanged(text: str) -> None:
    target = parse_target(f" {text}\n")
    assert isinstance(target, NamedAddress)
    assert str(target) == text
    assert parse_target(target) == target
    assert hash(parse_target(text)) == hash(target)


def test_an_address_without_a_name_is_what_it_was() -> None:
    assert parse_target(f"/ip4/127.0.0.1{PROOF}") == WebRtcDirectAddress.parse(f"/ip4/127.0.0.1{PROOF}")


def test_the_peer_id_may_be_missing_when_any_peer_will_do_and_after_dnsaddr() -> None:
    without = f"/dns4/example.com{PROOF.partition('/p2p')[0]}"
    with pytest.raises(AddressError, match="missing"):
        parse_target(without)
    assert parse_target(without, any_peer=True).peer_id is None
    assert parse_target("/dnsaddr/example.com").peer_id is None


@pytest.mark.parametrize(
    ("text", "component", "problem"),
    [
        ("/dns4", "dns4", "no value"),
        (f"/dns4/{PROOF}", "dns4", "no value"),
        (f"/dns4/b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example{PROOF}", "dns4", "xn--"),
        (f"/dns4/two words{PROOF}", "dns4", "not a host name"),
        (f"/dns4/a..b{PROOF}", "dns4", "not a host name"),
        (f"/dns4/.{PROOF}", "dns4", "not a host name"),
        (f"/dns4/{'a' * 64}.example{PROOF}", "dns4", "not a host name"),
        (f"/dns4/{'a.' * 127}{PROOF}", "dns4", "not a host name"),
        ("/dns4/example.com", "udp", "another transport"),
        ("/dns4/example.com/tcp/443/wss", "tcp", "another transport"),
        (f"/dns4/example.com{PROOF.replace('4001', '0')}", "udp", "port 0"),
        ("/dns4/example.com/udp/1/webrtc-direct", "certhash", "missing"),
        ("/dnsaddr/example.com/p2p/nonsense", "p2p", "not a peer id"),
        ("/dnsaddr/example.com/p2p", "p2p", "no value"),
        (f"/dnsaddr/example.com{PROOF}", "webrtc-direct", "only /p2p"),
        (f"/dnsaddr/example.com/p2p/{PEER_ID}/p2p-circuit", "p2p-circuit", "only /p2p"),
    ],
)
def test_what_cannot_be_dialed_names_the_component_at_fault(text: str, component: str, problem: str) -> None:
    with pytest.raises(AddressError, match=problem) as caught:
        parse_target(text)
    assert caught.value.component == component


def test_an_answer_takes_the_place_of_the_name() -> None:
    named = parse_target(f"/dns/example.com{PROOF}")
    assert isinstance(named, NamedAddress)
    for ip, host in (
        ("192.0.2.7", "/ip4/192.0.2.7"),
        ("2001:db8::7", "/ip6/2001:db8::7"),
        ("::ffff:192.0.2.7", "/ip4/192.0.2.7"),
        ("fe80::1%3", "/ip6zone/3/ip6/fe80::1"),
    ):
        assert str(named.at(ip_address(ip))) == host + PROOF
    for ip in ("0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "255.255.255.255"):
        with pytest.raises(AddressError):
            named.at(ip_address(ip))


def test_the_families_are_dialed_in_turns_and_ipv6_first() -> None:
    hosts = ["/ip4/192.0.2.1", "/ip4/192.0.2.2", "/ip4/192.0.2.3", "/ip6/2001:db8::1", "/ip6/2001:db8::2"]
    addresses = [WebRtcDirectAddress.parse(host + PROOF) for host in hosts]
    assert in_turns(addresses) == [addresses[number] for number in (3, 0, 4, 1, 2)]


@pytest.mark.parametrize(
    ("record", "taken"),
    [
        (f"dnsaddr=/ip4/192.0.2.7{PROOF}", True),
        (f"dnsaddr=/dns4/example.com{PROOF}", True),
        (f"dnsaddr=/dnsaddr/example.com/p2p/{PEER_ID}", True),
        ("dnsaddr=/dnsaddr/example.com", True),
        (f"dnsaddr=/ip4/192.0.2.7{PROOF.partition('/p2p')[0]}", True),
        (f"/ip4/192.0.2.7{PROOF}", False),
        ("v=spf1 -all", False),
        ("dnsaddr=", False),
        (f"dnsaddr=/ip4/192.0.2.7/tcp/4001/p2p/{PEER_ID}", False),
        (f"dnsaddr=/ip4/0.0.0.0{PROOF}", False),
        ("dnsaddr=\udcff", False),
    ],
)
def test_a_record_is_taken_where_it_can_be_dialed(record: str, taken: bool) -> None:
    target = parse_record_untrusted(record.encode(errors="surrogateescape"), wanted=WANTED, any_peer=False)
    assert (target is not None) == taken
    # It has the peer id that is wanted, whatever it says itself.
    assert target is None or target.peer_id == WANTED


def test_a_record_of_another_peer_is_left_out() -> None:
    other = KeyPair.generate().peer_id
    record = f"dnsaddr=/ip4/192.0.2.7{PROOF}".encode()
    assert parse_record_untrusted(record, wanted=other, any_peer=True) is None


def test_a_record_without_a_peer_id_is_taken_where_any_peer_will_do() -> None:
    record = f"dnsaddr=/ip4/192.0.2.7{PROOF.partition('/p2p')[0]}".encode()
    assert parse_record_untrusted(record, wanted=None, any_peer=False) is None
    assert parse_record_untrusted(record, wanted=None, any_peer=True) is not None
