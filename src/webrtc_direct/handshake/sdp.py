"""Steps 3 and 4 of a connection: both session descriptions, as data and as SDP text.

No signalling takes place: the dialer makes its offer and, from the address, the answer;
the listener recovers what it needs from the ICE username. libp2p spec "WebRTC Direct",
"Connection Establishment" (v1 and v2).
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from webrtc_direct.errors import AddressError, HandshakeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.address.multiaddr import WebRtcDirectAddress
    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.identity.fingerprint import Fingerprint

UFRAG_PREFIX = {"v1": "libp2p+webrtc+v1/", "v2": "libp2p+webrtc+v2/"}
"""What a server's ufrag begins with; the rest is the dialer's secret."""
SCTP_PORT = 5000
MAX_MESSAGE_SIZE = 16384
"""The ``max-message-size`` of both descriptions."""

# RFC 8839 section 5.4: a ufrag has 4 to 256 ice-chars, a password 22 to 256.
_UFRAG_LENGTH = 8
_SECRET_LENGTH = 32
_ALPHABET = string.ascii_letters + string.digits
# RFC 8839 section 5.4; the spec lets nothing else into a ufrag of v2.
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,238}")
# Bytes from here on are thrown away, so that every character is equally likely.
_UNBIASED = 256 - 256 % len(_ALPHABET)


@dataclass(frozen=True)
class IceCredentials:
    """Username fragment and password of one end (RFC 8445). Both are secret: in v1 they are equal."""

    ufrag: str = field(repr=False)
    pwd: str = field(repr=False)


@dataclass(frozen=True)
class SessionParameters:
    """All that offer and answer say, once."""

    version: Version
    ip: str
    port: int
    client: IceCredentials
    server: IceCredentials
    client_fingerprint: Fingerprint
    server_fingerprint: Fingerprint

    def with_client(self, credentials: IceCredentials) -> SessionParameters:
        """Return the same session for an ICE agent that chose *credentials* itself: v2 alone allows that."""
        if self.version != "v2":
            raise ValueError("in v1 both ends have the credentials that this end makes up")
        shared = UFRAG_PREFIX["v2"] + credentials.pwd
        return replace(self, client=credentials, server=IceCredentials(shared, shared))

    def offer_sdp(self) -> str:
        """Return the client's description (the offer of RFC 8829). It holds the ICE password."""
        return _describe(
            ip="::" if ":" in self.ip else "0.0.0.0",
            port=9,
            ice=self.client,
            fingerprint=self.client_fingerprint,
            setup="actpass",
        )

    def answer_sdp(self) -> str:
        """Return the server's description, which the client makes up itself. It holds the ICE password."""
        return _describe(
            ip=self.ip,
            port=self.port,
            ice=self.server,
            fingerprint=self.server_fingerprint,
            setup="passive",
            session_lines=("a=ice-lite",),
            media_lines=(f"a=candidate:1 1 UDP 1 {self.ip} {self.port} typ host",),
        )


def make_session(
    address: WebRtcDirectAddress,
    *,
    version: Version,
    certificate_fingerprint: Fingerprint,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> SessionParameters:
    """Make the parameters of one dial to *address*, with fresh ICE credentials.

    *certificate_fingerprint* is that of the dialer's own certificate; *random* returns so
    many random bytes.

    Raises:
        AddressError: *address* has no certhash.
    """
    if address.fingerprint is None:
        raise AddressError(component="certhash", value=str(address), problem="missing")
    secret = _random_text(_SECRET_LENGTH, random)
    shared = UFRAG_PREFIX[version] + secret
    server = IceCredentials(shared, shared)
    return SessionParameters(
        version=version,
        ip=str(address.ip),
        port=address.port,
        client=server if version == "v1" else IceCredentials(_random_text(_UFRAG_LENGTH, random), secret),
        server=server,
        client_fingerprint=certificate_fingerprint,
        server_fingerprint=address.fingerprint,
    )


def read_credentials(sdp: str) -> IceCredentials:
    """Return the ICE credentials of a description. Raises HandshakeError where they cannot be used."""
    ufrag, pwd = (re.search(rf"^a=ice-{name}:(\S+)\r?$", sdp, re.MULTILINE) for name in ("ufrag", "pwd"))
    if ufrag is None or pwd is None or not _PASSWORD.fullmatch(pwd[1]):
        raise HandshakeError("the offer lacks ICE credentials that the handshake could use")
    return IceCredentials(ufrag[1], pwd[1])


def read_fingerprint(sdp: str) -> str | None:
    """Return the SHA-256 fingerprint of a description, as hexadecimal digits between colons."""
    found = re.search(r"^a=fingerprint:sha-256 ([0-9A-Fa-f:]+)\r?$", sdp, re.MULTILINE | re.IGNORECASE)
    return found and found[1]


def replace_credentials(sdp: str, credentials: IceCredentials) -> str:
    """Return a description with other ICE credentials ("munging"), which v1 asks of a browser."""
    sdp = re.sub(r"(?m)^a=ice-ufrag:.*$", f"a=ice-ufrag:{credentials.ufrag}", sdp.replace("\r\n", "\n"))
    return re.sub(r"(?m)^a=ice-pwd:.*$", f"a=ice-pwd:{credentials.pwd}", sdp).replace("\n", "\r\n")


def _random_text(length: int, random: Callable[[int], bytes]) -> str:
    text = ""
    while len(text) < length:
        text += "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in random(length) if byte < _UNBIASED)
    return text[:length]


def _describe(
    *,
    ip: str,
    port: int,
    ice: IceCredentials,
    fingerprint: Fingerprint,
    setup: str,
    session_lines: tuple[str, ...] = (),
    media_lines: tuple[str, ...] = (),
) -> str:
    family = "IP6" if ":" in ip else "IP4"
    lines = (
        "v=0",
        f"o=- 0 0 IN {family} {ip}",
        "s=-",
        "t=0 0",
        *session_lines,
        f"m=application {port} UDP/DTLS/SCTP webrtc-datachannel",
        f"c=IN {family} {ip}",
        "a=mid:0",
        "a=ice-options:ice2",
        f"a=ice-ufrag:{ice.ufrag}",
        f"a=ice-pwd:{ice.pwd}",
        f"a=fingerprint:sha-256 {fingerprint.sdp}",
        f"a=setup:{setup}",
        f"a=sctp-port:{SCTP_PORT}",
        f"a=max-message-size:{MAX_MESSAGE_SIZE}",
        *media_lines,
    )
    return "\r\n".join((*lines, ""))
