"""What an end is, to all peers of its connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webrtc_direct.address.multiaddr import WebRtcDirectAddress
    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.connection.handlers import Handlers, OnStream
    from webrtc_direct.identity.identity import KeyPair


@dataclass(frozen=True)
class LocalEnd:
    """What this end brings into a connection."""

    identity: KeyPair
    limits: Limits
    handlers: Handlers
    """Those of a listener count for all its connections, those of a dial for its own."""
    refusals: Refusals
    """Where the refusals of all its connections are counted."""
    addresses: tuple[WebRtcDirectAddress, ...] = ()
    """Where this end listens."""
    on_stream: OnStream | None = None
    """Takes the streams in place of the handlers."""
    signed_record: list[bytes] = field(default_factory=list)
    """The signed record of these addresses, once it is made."""
