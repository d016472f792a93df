"""libp2p WebRTC-Direct: connect browsers and libp2p nodes directly to a Python process.

Example::

    address = "/ip4/0.0.0.0/udp/4001/webrtc-direct"
    async with webrtc_direct.listen(address, handlers={"/echo/1.0.0": echo}) as listener:
        print(listener.addresses)

    async with webrtc_direct.dial(address) as connection:
        print(connection.peer_id, await webrtc_direct.ping(connection))
        async with connection.open_stream("/echo/1.0.0") as stream:
            await stream.write(b"hello")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webrtc_direct.address.multiaddr import WebRtcDirectAddress
    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.connection.connection import Connection, OpeningStream, StepTimes
    from webrtc_direct.connection.handlers import Handler, OnStream
    from webrtc_direct.connection.peer_info import IdentifyInfo
    from webrtc_direct.errors import (
        AddressError,
        CannotSend,
        CertificateError,
        HandshakeError,
        HandshakeTimeout,
        IdentityError,
        IncompleteRead,
        LimitExceeded,
        LocalProtocolError,
        NameNotResolved,
        NoiseError,
        NoiseErrorKind,
        ProtocolNotSupported,
        RemoteProtocolError,
        StreamBusy,
        StreamClosed,
        StreamReset,
        WebRtcDirectError,
    )
    from webrtc_direct.handshake.errors import FingerprintMismatch, PeerIdMismatch, VersionNotPossible
    from webrtc_direct.handshake.roles import Role, Version
    from webrtc_direct.identity.certificate import Certificate
    from webrtc_direct.identity.fingerprint import Fingerprint
    from webrtc_direct.identity.identity import KeyPair, PeerId, PublicKey
    from webrtc_direct.node.dialer import DialVersion, dial
    from webrtc_direct.node.listener import AcceptHook, Listener, listen
    from webrtc_direct.node.node import Node
    from webrtc_direct.platform.base import ConnectionStats, ListenerCounters, Platform
    from webrtc_direct.platform.closing import CloseKind, CloseReason, ConnectionLost
    from webrtc_direct.protocols.echo import echo_handler
    from webrtc_direct.protocols.identify import identify, identify_handler
    from webrtc_direct.protocols.identify_push import identify_push
    from webrtc_direct.protocols.perf import PerfResult, Progress, perf, perf_handler
    from webrtc_direct.protocols.ping import PingStream, ping, ping_handler, ping_stream
    from webrtc_direct.streams.adapters import asyncio_streams
    from webrtc_direct.streams.stream import Stream

__version__: str
"""The version of this package, from its metadata."""

# Where each public name lives. Importing the package loads none of it, so that a program
# pays (cryptography, anyio) for what it uses, when it uses it.
_MODULES = {
    "address.multiaddr": ("WebRtcDirectAddress",),
    "bounds.limits": ("Limits",),
    "connection.connection": ("Connection", "OpeningStream", "StepTimes"),
    "connection.handlers": ("Handler", "OnStream"),
    "connection.peer_info": ("IdentifyInfo",),
    "errors": (
        "AddressError",
        "CertificateError",
        "CannotSend",
        "HandshakeError",
        "HandshakeTimeout",
        "IdentityError",
        "IncompleteRead",
        "LimitExceeded",
        "LocalProtocolError",
        "NameNotResolved",
        "NoiseError",
        "NoiseErrorKind",
        "ProtocolNotSupported",
        "RemoteProtocolError",
        "StreamBusy",
        "StreamClosed",
        "StreamReset",
        "WebRtcDirectError",
    ),
    "handshake.errors": ("FingerprintMismatch", "PeerIdMismatch", "VersionNotPossible"),
    "handshake.roles": ("Role", "Version"),
    "identity.certificate": ("Certificate",),
    "identity.fingerprint": ("Fingerprint",),
    "identity.identity": ("KeyPair", "PeerId", "PublicKey"),
    "node.dialer": ("DialVersion", "dial"),
    "node.listener": ("AcceptHook", "Listener", "listen"),
    "node.node": ("Node",),
    "platform.base": (
        "ConnectionStats",
        "ListenerCounters",
        "Platform",
    ),
    "platform.closing": ("CloseKind", "CloseReason", "ConnectionLost"),
    "protocols.echo": ("echo_handler",),
    "protocols.identify": ("identify", "identify_handler"),
    "protocols.identify_push": ("identify_push",),
    "protocols.perf": ("PerfResult", "Progress", "perf", "perf_handler"),
    "protocols.ping": ("PingStream", "ping", "ping_handler", "ping_stream"),
    "streams.adapters": ("asyncio_streams",),
    "streams.stream": ("Stream",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AcceptHook",
    "AddressError",
    "CannotSend",
    "Certificate",
    "CertificateError",
    "CloseKind",
    "CloseReason",
    "Connection",
    "ConnectionLost",
    "ConnectionStats",
    "DialVersion",
    "Fingerprint",
    "FingerprintMismatch",
    "Handler",
    "HandshakeError",
    "HandshakeTimeout",
    "IdentifyInfo",
    "IdentityError",
    "IncompleteRead",
    "KeyPair",
    "LimitExceeded",
    "Limits",
    "Listener",
    "ListenerCounters",
    "LocalProtocolError",
    "NameNotResolved",
    "Node",
    "NoiseError",
    "NoiseErrorKind",
    "OnStream",
    "OpeningStream",
    "PeerId",
    "PeerIdMismatch",
    "PerfResult",
    "PingStream",
    "Platform",
    "Progress",
    "ProtocolNotSupported",
    "PublicKey",
    "RemoteProtocolError",
    "Role",
    "StepTimes",
    "Stream",
    "StreamBusy",
    "StreamClosed",
    "StreamReset",
    "Version",
    "VersionNotPossible",
    "WebRtcDirectAddress",
    "WebRtcDirectError",
    "asyncio_streams",
    "dial",
    "echo_handler",
    "identify",
    "identify_handler",
    "identify_push",
    "listen",
    "perf",
    "perf_handler",
    "ping",
    "ping_handler",
    "ping_stream",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("webrtc-direct")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
