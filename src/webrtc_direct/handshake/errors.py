"""Errors of a handshake that hold what the two ends disagree on. The others are in ``errors.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.errors import HandshakeError

if TYPE_CHECKING:
    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.identity.fingerprint import Fingerprint
    from webrtc_direct.identity.identity import PeerId


class FingerprintMismatch(HandshakeError):
    """The server's certificate is not the one in its address.

    Attributes:
        expected: the fingerprint in the address's ``/certhash``.
        received: the fingerprint of the server's certificate; ``None`` in a browser, which only
            says that it aborted the DTLS handshake.
    """

    def __init__(self, *, expected: Fingerprint, received: Fingerprint | None) -> None:
        shown = "another one" if received is None else received.certhash
        super().__init__(
            f"the server's certificate is {shown}, but the address asks for "
            f"{expected.certhash}: the address is out of date, or somebody is in between"
        )
        self.expected = expected
        self.received = received


class PeerIdMismatch(HandshakeError):
    """The peer proved an identity other than the expected one.

    Attributes:
        expected: the peer id in the address's ``/p2p``.
        received: the peer id that was proved.
    """

    def __init__(self, *, expected: PeerId, received: PeerId) -> None:
        super().__init__(f"the peer is {received}, but the address asks for {expected}")
        self.expected = expected
        self.received = received


class VersionNotPossible(HandshakeError):
    """A version of the handshake does not work here: a browser may refuse what v1 needs.

    Attributes:
        version: the version, ``"v1"`` or ``"v2"``.
    """

    def __init__(self, version: Version, problem: str) -> None:
        super().__init__(f"{version} is not possible here: {problem}")
        self.version = version
