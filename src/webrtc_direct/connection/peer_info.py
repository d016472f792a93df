"""What a peer has said about itself, as a connection keeps it: ``protocols/identify.py`` asks and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webrtc_direct.identity.identity import PeerId


@dataclass(frozen=True)
class IdentifyInfo:
    """What a peer says about itself. All text comes from the peer: escape it before you show it."""

    peer_id: PeerId
    """The identity that the connection proved; it agrees with what the peer says here."""
    agent: str
    """Name and version of the peer's program."""
    protocol_version: str
    protocols: tuple[str, ...]
    """What the peer serves."""
    listen_addresses: tuple[str, ...]
    """Where the peer listens, as multiaddrs, without those that cannot be parsed."""
    observed_address: str | None
    """This end's address as the peer sees it."""
    signed_addresses: tuple[str, ...] = ()
    """Those that the peer has signed as its own (libp2p's RFC 0003), without peer id; a record that is not
    in order counts as none."""
