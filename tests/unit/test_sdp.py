"""Session descriptions, against golden texts."""

from __future__ import annotations

import pytest

from webrtc_direct.address.multiaddr import WebRtcDirectAddress
from webrtc_direct.errors import AddressError, HandshakeError
from webrtc_direct.handshake.roles import Version
from webrtc_direct.handshake.sdp import (
    IceCredentials,
    SessionParameters,
    make_session,
    read_credentials,
    read_fingerprint,
    replace_credentials,
)
from webrtc_direct.identity.fingerprint import Fingerprint

CLIENT = Fingerprint(b"\xc1" * 32)
SERVER = Fingerprint(b"\x5e" * 32)
CLIENT_SDP = ":".join(["C1"] * 32)
SERVER_SDP = ":".join(["5E"] * 32)


def counting(count: int) -> bytes:
    return bytes(range(count))


def session(version: Version, ip: str = "/ip4/192.0.2.1") -> SessionParameters:
    text = f"{ip}/udp/4001/webrtc-direct/certhash/{SERVER.certhash}"
    address = WebRtcDirectAddress.parse(text, any_peer=True)
    return make_session(address, version=version, certificate_fingerprint=CLIENT, random=counting)


V1 = "libp2p+webrtc+v1/abcdefghijklmnopqrstuvwxyzABCDEF"
PASSWORD = "abcdefghijklmnopqrstuvwxyzABCDEF"
V2 = "libp2p+webrtc+v2/" + PASSWORD

OFFER_V1 = f"""v=0
o=- 0 0 IN IP4 0.0.0.0
s=-
t=0 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=ice-options:ice2
a=ice-ufrag:{V1}
a=ice-pwd:{V1}
a=fingerprint:sha-256 {CLIENT_SDP}
a=setup:actpass
a=sctp-port:5000
a=max-message-size:16384
"""

ANSWER_V1 = f"""v=0
o=- 0 0 IN IP4 192.0.2.1
s=-
t=0 0
a=ice-lite
m=application 4001 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.1
a=mid:0
a=ice-options:ice2
a=ice-ufrag:{V1}
a=ice-pwd:{V1}
a=fingerprint:sha-256 {SERVER_SDP}
a=setup:passive
a=sctp-port:5000
a=max-message-size:16384
a=candidate:1 1 UDP 1 192.0.2.1 4001 typ host
"""


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def test_offer_and_answer_of_v1() -> None:
    assert session("v1").offer_sdp() == crlf(OFFER_V1)
    assert session("v1").answer_sdp() == crlf(ANSWER_V1)


def test_offer_and_answer_of_v2() -> None:
    offer = OFFER_V1.replace(f"ufrag:{V1}", "ufrag:abcdefgh").replace(f"pwd:{V1}", f"pwd:{PASSWORD}")
    assert session("v2").offer_sdp() == crlf(offer)
    assert session("v2").answer_sdp() == crlf(ANSWER_V1.replace(V1, V2))


def test_offer_and_answer_over_ipv6() -> None:
    parameters = session("v1", "/ip6/2001:db8::1")
    offer = OFFER_V1.replace("IP4 0.0.0.0", "IP6 ::")
    assert parameters.offer_sdp() == crlf(offer)
    answer = ANSWER_V1.replace("IP4", "IP6").replace("192.0.2.1", "2001:db8::1")
    assert parameters.answer_sdp() == crlf(answer)


def test_v1_has_one_secret_for_everything() -> None:
    parameters = session("v1")
    assert parameters.client == parameters.server == IceCredentials(V1, V1)


def test_v2_leaves_the_clients_own_credentials_alone() -> None:
    parameters = session("v2")
    assert parameters.client == IceCredentials("abcdefgh", PASSWORD)
    assert parameters.server == IceCredentials(V2, V2)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_credentials_are_fresh_and_within_the_bounds_of_ice(version: Version) -> None:
    address = WebRtcDirectAddress.parse(
        f"/ip4/192.0.2.1/udp/1/webrtc-direct/certhash/{SERVER.certhash}", any_peer=True
    )
    made = [make_session(address, version=version, certificate_fingerprint=CLIENT) for _ in range(50)]
    assert len({parameters.server.ufrag for parameters in made}) == 50
    for parameters in made:
        assert 4 <= len(parameters.client.ufrag) <= 256
        assert 22 <= len(parameters.client.pwd) <= 256
        assert len(parameters.server.ufrag) <= 256
        secret = parameters.server.ufrag.removeprefix(f"libp2p+webrtc+{version}/")
        assert len(secret) == 32
        assert secret.isascii()
        assert secret.isalnum()


def test_every_character_of_a_secret_is_equally_likely() -> None:
    # 62 characters do not divide 256: the bytes from 248 on are thrown away, not folded.
    address = WebRtcDirectAddress.parse(
        f"/ip4/192.0.2.1/udp/1/webrtc-direct/certhash/{SERVER.certhash}", any_peer=True
    )
    parameters = make_session(
        address,
        version="v1",
        certificate_fingerprint=CLIENT,
        random=lambda count: bytes([255, 248, 247, 0] * count)[:count],
    )
    assert parameters.server.ufrag == "libp2p+webrtc+v1/" + "9a" * 16


def test_address_without_certhash_is_refused() -> None:
    address = WebRtcDirectAddress.parse_listen("/ip4/192.0.2.1/udp/1/webrtc-direct")
    with pytest.raises(AddressError) as caught:
        make_session(address, version="v1", certificate_fingerprint=CLIENT)
    assert caught.value.component == "certhash"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_secrets_are_not_shown(version: Version) -> None:
    assert PASSWORD not in repr(session(version))


BROWSERS_OFFER = "\r\n".join(
    (
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "a=ice-ufrag:Xy+/",
        "a=ice-pwd:aB3/aB3+aB3aB3aB3aB3aB3a",
        f"a=fingerprint:sha-256 {CLIENT.sdp}",
        "a=mid:0",
        "",
    )
)


def test_the_credentials_and_the_fingerprint_of_a_browsers_offer() -> None:
    for offer in (BROWSERS_OFFER, BROWSERS_OFFER.replace("\r\n", "\n")):
        assert read_credentials(offer) == IceCredentials("Xy+/", "aB3/aB3+aB3aB3aB3aB3aB3a")
        assert read_fingerprint(offer) == CLIENT.sdp
    assert read_fingerprint("v=0\r\n") is None


@pytest.mark.parametrize("pwd", ["", "short", "a" * 239, "with spaces in the middle", "a" * 21 + "!"])
def test_credentials_that_the_handshake_cannot_use_are_refused(pwd: str) -> None:
    offer = BROWSERS_OFFER.replace("aB3/aB3+aB3aB3aB3aB3aB3a", pwd)
    with pytest.raises(HandshakeError, match="ICE credentials"):
        read_credentials(offer)


def test_munging_changes_the_credentials_and_nothing_else() -> None:
    munged = replace_credentials(BROWSERS_OFFER, IceCredentials("new-ufrag", "new-pwd"))
    changed = set(munged.split("\r\n")) ^ set(BROWSERS_OFFER.split("\r\n"))
    assert changed == {
        "a=ice-ufrag:Xy+/",
        "a=ice-ufrag:new-ufrag",
        "a=ice-pwd:aB3/aB3+aB3aB3aB3aB3aB3a",
        "a=ice-pwd:new-pwd",
    }
    with_line_feeds = BROWSERS_OFFER.replace("\r\n", "\n")
    assert replace_credentials(with_line_feeds, IceCredentials("new-ufrag", "new-pwd")) == munged


def test_a_browser_s_own_credentials_make_a_session_of_v2_alone() -> None:
    own = read_credentials(BROWSERS_OFFER)
    made = session("v2").with_client(own)
    assert made.client == own
    assert made.server.ufrag == made.server.pwd == "libp2p+webrtc+v2/" + own.pwd
    assert made.server_fingerprint == session("v2").server_fingerprint
    with pytest.raises(ValueError, match="v1"):
        session("v1").with_client(own)
