"""Why a connection ended: as a value, and as the error that everything which waits on it gets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from webrtc_direct.errors import WebRtcDirectError

if TYPE_CHECKING:
    from webrtc_direct.identity.fingerprint import Fingerprint


class CloseKind(Enum):
    """Why a connection ended."""

    LOCAL = "local"
    """This end closed it."""
    REMOTE = "remote"
    """The peer closed it (SCTP ABORT or SHUTDOWN, DTLS close_notify, an ICE 403)."""
    TIMEOUT = "timeout"
    """The peer fell silent, or a handshake step did not finish in time."""
    FINGERPRINT = "fingerprint"
    """The peer's DTLS certificate is not the one in the address."""
    PROTOCOL = "protocol"
    """The peer broke a rule of STUN, DTLS, SCTP or DCEP."""
    LIMIT = "limit"
    """One of this end's limits refused it."""
    ENGINE = "engine"
    """The platform itself failed, for example because it could not use a socket."""


@dataclass(frozen=True)
class CloseReason:
    """Why a connection ended: its *kind*, and *detail* in words for a person.

    ``received`` is the fingerprint that the peer showed when *kind* is FINGERPRINT.
    """

    kind: CloseKind
    detail: str
    received: Fingerprint | None = None


class ConnectionLost(WebRtcDirectError, ConnectionError):
    """The connection ended, and all its streams with it.

    Attributes:
        reason: why it ended.
    """

    def __init__(self, reason: CloseReason) -> None:
        super().__init__(f"the connection ended ({reason.kind.value}): {reason.detail}")
        self.reason = reason
