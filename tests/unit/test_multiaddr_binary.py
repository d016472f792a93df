"""Binary multiaddrs: ours written, everybody's shown."""

from __future__ import annotations

import pytest

from webrtc_direct.address import multiaddr_binary
from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.errors import RemoteProtocolError

PEER_ID = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
CERTHASH = "uEiAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw"


def test_address_without_certhash_is_encoded_byte_for_byte() -> None:
    address = WebRtcDirectAddress.parse_listen("/ip4/127.0.0.1/udp/4001/webrtc-direct")
    assert multiaddr_binary.encode(address) == bytes.fromhex("047f000001 91020fa1 9802")


@pytest.mark.parametrize("ip", ["/ip4/1.2.3.4", "/ip6/2001:db8::1", "/ip6zone/eth0/ip6/fe80::1"])
def test_full_address_survives_encoding(ip: str) -> None:
    text = f"{ip}/udp/4001/webrtc-direct/certhash/{CERTHASH}/p2p/{PEER_ID}"
    assert (
        multiaddr_binary.describe_untrusted(multiaddr_binary.encode(WebRtcDirectAddress.parse(text))) == text
    )


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("047f000001 060fa1", "/ip4/127.0.0.1/tcp/4001"),
        ("04c0a80001 91020fa1 cd03", "/ip4/192.168.0.1/udp/4001/quic-v1"),
        ("360b6578616d706c652e636f6d 0601bb de03", "/dns4/example.com/tcp/443/wss"),
        ("a202", "/p2p-circuit"),
    ],
)
def test_addresses_of_other_transports_are_shown(encoded: str, text: str) -> None:
    assert multiaddr_binary.describe_untrusted(bytes.fromhex(encoded)) == text


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "04",
        "047f0000",
        "ff",
        "ffffffffff",
        "7f",
        "9100",  # 0x11 in two bytes
        "3600",  # an empty name
        "3602612f",  # "a/"
        "36021b5b",  # an escape sequence
        "3602c3a9",  # not ASCII
        "a503 02 1100",  # not a peer id
        "a503 ff7f",
    ],
)
def test_malformed_address_is_refused(encoded: str) -> None:
    with pytest.raises(RemoteProtocolError):
        multiaddr_binary.describe_untrusted(bytes.fromhex(encoded))


def test_endless_address_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        multiaddr_binary.describe_untrusted(bytes.fromhex("a202") * 1000)
