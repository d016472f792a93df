"""Every exception of the package, as one tree.

* :exc:`WebRtcDirectError`
    * :exc:`AddressError` -- a multiaddr that cannot be used; nothing was sent
    * :exc:`CertificateError`, :exc:`IdentityError` -- an unusable file, key or peer id
    * :exc:`HandshakeError` -- no authenticated connection was made
        * :exc:`CannotSend` -- this machine has no way to the address
        * :exc:`NameNotResolved` -- the name in the address gives none that could be dialed
        * :exc:`HandshakeTimeout` -- also a ``TimeoutError``
        * :exc:`FingerprintMismatch`
        * :exc:`PeerIdMismatch`
        * :exc:`NoiseError`
        * :exc:`VersionNotPossible`
    * :exc:`LocalProtocolError` -- this end asked for something that is not allowed
        * :exc:`StreamBusy` -- two tasks at once
    * :exc:`RemoteProtocolError` -- the peer broke the protocol
    * :exc:`ProtocolNotSupported` -- the peer speaks none of the protocols proposed
    * :exc:`ConnectionLost` -- the connection ended; also a ``ConnectionError``
    * :exc:`StreamReset`, :exc:`StreamClosed` -- a stream ended
        * :exc:`IncompleteRead` -- before everything that was asked for had arrived; also an ``EOFError``
    * :exc:`LimitExceeded` -- one of this end's limits refused it

The base class is never raised itself. What holds values of other rooms is beside these values:
FingerprintMismatch, PeerIdMismatch and VersionNotPossible in ``handshake/errors.py``, ConnectionLost
in ``platform/closing.py``.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


class WebRtcDirectError(Exception):
    """Base class of every exception that this package raises itself."""


class AddressError(WebRtcDirectError):
    """A multiaddr cannot be used for what was asked.

    Attributes:
        component: name of the component at fault, for example ``"certhash"``.
        value: the value of that component; the whole address if the component is missing.
        problem: what is wrong with it.
    """

    def __init__(self, *, component: str, value: str, problem: str) -> None:
        super().__init__(f"{component}: {problem} (in {value!r})")
        self.component = component
        self.value = value
        self.problem = problem


class _UnusableError(WebRtcDirectError):
    """Something that was loaded or received cannot be used; *path* is the file, if it came from one."""

    def __init__(self, problem: str, *, path: str | os.PathLike[str] | None = None) -> None:
        super().__init__(problem if path is None else f"{path}: {problem}")
        self.problem = problem
        self.path = path


class CertificateError(_UnusableError):
    """A certificate cannot be used.

    Attributes:
        problem: what is wrong with it.
        path: the file that it came from, or ``None``.
    """


class IdentityError(_UnusableError):
    """A key, a signature or a peer id cannot be used.

    Attributes:
        problem: what is wrong with it.
        path: the file that it came from, or ``None``.
    """


class HandshakeError(WebRtcDirectError):
    """No authenticated connection was made.

    Attributes:
        problem: why.
        limit: name of the field of ``Limits`` that the peer exceeded, or ``None``.
    """

    def __init__(self, problem: str, *, limit: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.limit = limit


class CannotSend(HandshakeError):
    """The address cannot be reached from this machine: there is no route, or the system forbids it.

    Attributes:
        errno: the system's error number, for example ``errno.ENETUNREACH``.
        address: the IP address and the UDP port.
    """

    def __init__(self, *, errno: int, reason: str, address: tuple[str, int]) -> None:
        ip, port = address
        super().__init__(f"this machine cannot send to {ip} port {port}: {reason} (errno {errno})")
        self.errno = errno
        self.address = address


class NameNotResolved(HandshakeError):
    """The name in an address could not be looked up, or gives no address that could be dialed.

    Attributes:
        name: the name that was looked up.
        cause: why it gives nothing.
    """

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(f"{name} gives no address to dial: {cause}")
        self.name = name
        self.cause = cause


# What to check when nobody answers, by the step that did not finish.
_HINTS = {
    "ice": "; is the address right, is the listener running, and does a firewall let UDP through?",
    "dtls": "; it answers, so the listener may have reached its limit of connections",
}


class HandshakeTimeout(HandshakeError, TimeoutError):
    """A step of the handshake was not finished in time.

    Attributes:
        step: the step that did not finish: ``"ice"``, ``"dtls"``, ``"sctp"`` or ``"noise"`` of a
            connection, or ``"negotiation"`` of a stream's protocol.
        seconds: the time limit.
        address: the IP address and the UDP port of the peer, or ``None``.
    """

    def __init__(self, step: str, seconds: float, *, address: tuple[str, int] | None = None) -> None:
        words = f"no answer in {seconds:g} s (step: {step})"
        if address is not None:
            ip, port = address
            words += f" from {ip} port {port}{_HINTS.get(step, '')}"
        super().__init__(words)
        self.step = step
        self.seconds = seconds
        self.address = address


class NoiseErrorKind(Enum):
    """How a Noise handshake failed."""

    MESSAGE_SIZE = "a message is too short or too long"
    TRAILING_BYTES = "bytes follow the last expected message"
    EARLY_PAYLOAD = "the first message carries a payload"
    LOW_ORDER_POINT = "a key is a point of low order"
    DECRYPTION = "a message does not decrypt (another prologue, or it was changed on the way)"
    PAYLOAD = "the payload is not a libp2p handshake payload"
    IDENTITY_KEY = "the identity key cannot be used"
    SIGNATURE = "the identity key did not sign the Noise key"


class NoiseError(HandshakeError):
    """The peer did not prove an identity in the Noise handshake.

    Attributes:
        kind: how it failed.
    """

    def __init__(self, kind: NoiseErrorKind, detail: str = "", *, limit: str | None = None) -> None:
        super().__init__(f"Noise: {kind.value}" + (f": {detail}" if detail else ""), limit=limit)
        self.kind = kind


class _ProblemError(WebRtcDirectError):
    """Something that *problem* says in words."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class LocalProtocolError(_ProblemError):
    """What this end asked for is not allowed by the protocol, or not in the current state.

    Attributes:
        problem: what is wrong with it.
    """


class StreamBusy(LocalProtocolError):
    """Two tasks read from the stream, or two tasks write to it, at the same time.

    Attributes:
        problem: which of the two.
    """


class RemoteProtocolError(_ProblemError):
    """The peer broke the protocol.

    Attributes:
        problem: what it did.
        limit: name of the field of ``Limits`` that it exceeded, or ``None``.
    """

    def __init__(self, problem: str, *, limit: str | None = None) -> None:
        super().__init__(problem)
        self.limit = limit


class ProtocolNotSupported(WebRtcDirectError):
    """The peer supports none of the proposed protocols.

    Attributes:
        protocols: what was proposed, in order.
    """

    def __init__(self, protocols: Iterable[str]) -> None:
        self.protocols: tuple[str, ...] = tuple(protocols)
        super().__init__(f"the peer does not support {', '.join(self.protocols)}")


class StreamReset(_ProblemError):
    """The stream was reset; data that was not read or not acknowledged may be lost.

    Attributes:
        problem: who reset it, or why.
    """

    def __init__(self, problem: str = "the peer reset the stream") -> None:
        super().__init__(problem)


class StreamClosed(_ProblemError):
    """The half of the stream that this needs is closed.

    Attributes:
        problem: which one, and by whom.
        by_peer: whether the peer has closed it.
    """

    def __init__(self, problem: str = "the stream is closed", *, by_peer: bool = False) -> None:
        super().__init__(problem)
        self.by_peer = by_peer


class IncompleteRead(StreamClosed, EOFError):
    """The peer ended the stream before everything that was asked for had arrived.

    Attributes:
        partial: the bytes that arrived.
        expected: how many were asked for, or ``None`` if that was not a number of bytes.
    """

    def __init__(self, partial: bytes, expected: int | None = None, *, before: str = "") -> None:
        what = f"{len(partial)} of {expected} bytes" if expected is not None else f"{len(partial)} bytes"
        super().__init__(
            f"the peer ended the stream after {what}" + (f", before {before}" if before else ""), by_peer=True
        )
        self.partial = partial
        self.expected = expected


class LimitExceeded(WebRtcDirectError):
    """One of this end's limits refused it.

    Attributes:
        limit: name of the field of ``Limits``.
        bound: its value.
    """

    def __init__(self, limit: str, bound: float) -> None:
        super().__init__(f"refused by the limit {limit}={bound:g}")
        self.limit = limit
        self.bound = bound
