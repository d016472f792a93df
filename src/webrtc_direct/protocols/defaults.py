"""The protocols that both ends of every connection serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.connection.handlers import Handlers
from webrtc_direct.protocols.identify import IDENTIFY_PROTOCOL, identify_handler
from webrtc_direct.protocols.identify_push import IDENTIFY_PUSH_PROTOCOL, identify_push_handler
from webrtc_direct.protocols.ping import PING_PROTOCOL, ping_handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webrtc_direct.connection.handlers import Handler


def with_defaults(handlers: Mapping[str, Handler] | None) -> Handlers:
    """Return *handlers* with those of ping and identify, which *handlers* may replace.

    A node's ``Handlers`` have them already, and are asked anew for each stream.
    """
    if isinstance(handlers, Handlers):
        return Handlers({}, others=handlers)
    defaults = {
        PING_PROTOCOL: ping_handler,
        IDENTIFY_PROTOCOL: identify_handler,
        IDENTIFY_PUSH_PROTOCOL: identify_push_handler,
    }
    return Handlers({**defaults, **(handlers or {})})
