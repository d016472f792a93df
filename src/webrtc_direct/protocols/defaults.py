"""The protocols that both ends of every connection serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.protocols.identify import IDENTIFY_PROTOCOL, identify_handler
from webrtc_direct.protocols.ping import PING_PROTOCOL, ping_handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webrtc_direct.connection import Handler


def with_defaults(handlers: Mapping[str, Handler] | None) -> dict[str, Handler]:
    """Return *handlers* with those of ping and identify, which *handlers* may replace."""
    return {PING_PROTOCOL: ping_handler, IDENTIFY_PROTOCOL: identify_handler, **(handlers or {})}
