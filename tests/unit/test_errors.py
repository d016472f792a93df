"""Errors: one tree, attributes, and messages that say what to do."""

from __future__ import annotations

import inspect

import pytest

import webrtc_direct
from webrtc_direct import errors
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
from webrtc_direct.handshake import errors as handshake_errors
from webrtc_direct.handshake.errors import FingerprintMismatch, PeerIdMismatch, VersionNotPossible
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.identity.identity import KeyPair
from webrtc_direct.platform import closing
from webrtc_direct.platform.closing import CloseKind, CloseReason, ConnectionLost

EXPECTED, RECEIVED = Fingerprint(b"e" * 32), Fingerprint(b"r" * 32)
ALICE, BOB = KeyPair.generate().peer_id, KeyPair.generate().peer_id
REASON = CloseReason(CloseKind.REMOTE, "the peer closed it")

EXAMPLES: list[tuple[WebRtcDirectError, dict[str, object], str]] = [
    (
        AddressError(component="udp", value="x", problem="not a port"),
        {"component": "udp", "value": "x", "problem": "not a port"},
        "udp: not a port (in 'x')",
    ),
    (CertificateError("expired", path="f"), {"problem": "expired", "path": "f"}, "f: expired"),
    (IdentityError("too long"), {"problem": "too long", "path": None}, "too long"),
    (HandshakeError("refused"), {"problem": "refused"}, "refused"),
    (
        CannotSend(errno=101, reason="Network is unreachable", address=("192.0.2.7", 4001)),
        {"errno": 101, "address": ("192.0.2.7", 4001)},
        "cannot send to 192.0.2.7 port 4001: Network is unreachable (errno 101)",
    ),
    (
        NameNotResolved("example.com", "no such name"),
        {"name": "example.com", "cause": "no such name"},
        "example.com gives no address to dial: no such name",
    ),
    (HandshakeTimeout("sctp", 10.0), {"step": "sctp", "seconds": 10.0}, "no answer in 10 s (step: sctp)"),
    (
        HandshakeTimeout("ice", 10.0, address=("192.0.2.7", 4001)),
        {"step": "ice", "address": ("192.0.2.7", 4001)},
        "no answer in 10 s (step: ice) from 192.0.2.7 port 4001; is the address right",
    ),
    (
        FingerprintMismatch(expected=EXPECTED, received=RECEIVED),
        {"expected": EXPECTED, "received": RECEIVED},
        RECEIVED.certhash,
    ),
    (
        FingerprintMismatch(expected=EXPECTED, received=None),
        {"expected": EXPECTED, "received": None},
        f"is another one, but the address asks for {EXPECTED.certhash}",
    ),
    (VersionNotPossible("v1", "no"), {"version": "v1"}, "v1 is not possible here: no"),
    (PeerIdMismatch(expected=ALICE, received=BOB), {"expected": ALICE, "received": BOB}, str(BOB)),
    (
        NoiseError(NoiseErrorKind.SIGNATURE, "bad"),
        {"kind": NoiseErrorKind.SIGNATURE},
        "the identity key did not sign the Noise key: bad",
    ),
    (LocalProtocolError("no"), {"problem": "no"}, "no"),
    (RemoteProtocolError("no"), {"problem": "no"}, "no"),
    (ProtocolNotSupported(["/a", "/b"]), {"protocols": ("/a", "/b")}, "/a, /b"),
    (ConnectionLost(REASON), {"reason": REASON}, "(remote): the peer closed it"),
    (StreamReset(), {"problem": "the peer reset the stream"}, "the peer reset the stream"),
    (StreamClosed(), {"problem": "the stream is closed"}, "the stream is closed"),
    (StreamBusy("no"), {"problem": "no"}, "no"),
    (IncompleteRead(b"abc", 8), {"partial": b"abc", "expected": 8}, "after 3 of 8 bytes"),
    (LimitExceeded("max_channels", 7), {"limit": "max_channels", "bound": 7}, "max_channels=7"),
]


@pytest.mark.parametrize(("error", "attributes", "message"), EXAMPLES)
def test_error_has_attributes_and_says_what_happened(
    error: WebRtcDirectError, attributes: dict[str, object], message: str
) -> None:
    assert {name: getattr(error, name) for name in attributes} == attributes
    assert message in str(error)


def test_every_exception_has_an_example_above() -> None:
    tree = {
        value
        for module in (errors, handshake_errors, closing)
        for name, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, WebRtcDirectError) and not name.startswith("_")
    }
    assert tree - {type(error) for error, _, _ in EXAMPLES} == {WebRtcDirectError}


def test_every_exception_is_exported_and_has_attributes() -> None:
    for error, attributes, _ in EXAMPLES:
        assert getattr(webrtc_direct, type(error).__name__) is type(error)
        assert attributes


@pytest.mark.parametrize("error", [HandshakeTimeout, FingerprintMismatch, PeerIdMismatch, NoiseError])
def test_whatever_prevents_a_connection_is_a_handshake_error(error: type[WebRtcDirectError]) -> None:
    assert issubclass(error, HandshakeError)


@pytest.mark.parametrize(
    ("error", "base"),
    [(HandshakeTimeout, TimeoutError), (ConnectionLost, ConnectionError), (IncompleteRead, EOFError)],
)
def test_what_python_has_a_class_for_is_of_that_too(
    error: type[WebRtcDirectError], base: type[Exception]
) -> None:
    assert issubclass(error, base)
