"""The browser platform: Python in a page (Pyodide, PyScript) dials with the page's ``RTCPeerConnection``.

It owns steps 2 to 5 of a dial as a browser does them. A browser makes its own certificate and never
shows the key, chooses its ICE credentials itself, and cannot listen. No JavaScript object
leaves this module and ``browser_connection.py``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakSet

import anyio
import js
from pyodide.ffi import JsException

from webrtc_direct.errors import AddressError, HandshakeError, HandshakeTimeout, LocalProtocolError
from webrtc_direct.handshake.errors import FingerprintMismatch, VersionNotPossible
from webrtc_direct.handshake.sdp import read_credentials, read_fingerprint, replace_credentials
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.platform.base import HANDSHAKE_CHANNEL_ID, HandshakeTimes, Platform
from webrtc_direct.platform.browser_connection import BrowserPeerConnection, logger
from webrtc_direct.platform.browser_javascript import Handlers
from webrtc_direct.platform.closing import CloseKind, CloseReason
from webrtc_direct.primitives.browser_promises import begin, call, method

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable

    from anyio.abc import TaskGroup

    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.platform.base import ConnectParameters, ListenParameters
    from webrtc_direct.primitives import Begun


# After so many seconds of silence a browser says that a connection is disconnected.
_DISCONNECTED_AFTER = 5.0
# The states of ICE in which the peer answers.
_HEARD = frozenset({"connected", "completed"})


# A certificate is used if it is valid for so much longer, in milliseconds; a browser gives it a month.
_VALID_FOR = 24 * 3600 * 1000


@dataclass(frozen=True)
class BrowserCertificate:
    """An ``RTCCertificate``, whose private key the browser keeps to itself."""

    fingerprint: Fingerprint
    certificate: Any = field(repr=False)


class BrowserPlatform(Platform):
    """Connections of the page's ``RTCPeerConnection``."""

    # A browser may refuse what v1 needs, and the spec wants v2.
    versions: tuple[Version, Version] = ("v2", "v1")
    resolves_names = False

    async def make_certificate(self) -> BrowserCertificate:
        if not hasattr(js, "RTCPeerConnection"):
            raise LocalProtocolError("only pages have RTCPeerConnection, workers and Node.js do not")
        while _spare:
            certificate = await _spare.pop()
            if certificate.certificate.expires > js.Date.now() + _VALID_FOR:
                return certificate
        return await begin(_new_certificate())

    async def connect(
        self,
        task_group: TaskGroup,  # noqa: ARG002 - the browser's events need no task
        parameters: ConnectParameters,
    ) -> BrowserPeerConnection:
        certificate = parameters.certificate
        if not isinstance(certificate, BrowserCertificate):
            raise LocalProtocolError("a browser can only use certificates that it made itself")
        _accept_late_timers(asyncio.get_running_loop())
        session = parameters.session
        _, _, zone = session.ip.partition("%")
        if zone:
            raise AddressError(component="ip6zone", value=zone, problem="a browser takes no zones")
        rtc = _peer_connection(certificate.certificate)
        negotiated = js.Object.new()
        negotiated.negotiated, negotiated.id = True, HANDSHAKE_CHANNEL_ID
        channel = rtc.createDataChannel("", negotiated)
        # It is waited for below: what is done meanwhile costs no time.
        offer = rtc.createOffer()
        connection = BrowserPeerConnection(
            rtc,
            channel,
            limits=parameters.limits,
            version=session.version,
            remote=(session.ip, session.port),
            local_fingerprint=certificate.fingerprint,
            remote_fingerprint=session.server_fingerprint,
        )
        dial = _Dial(connection, parameters)
        connection.watch(iceconnectionstatechange=dial.ice_changed, connectionstatechange=dial.changed)
        _end_with_page(connection)
        try:
            with anyio.move_on_after(parameters.timeout):
                await dial.describe(rtc, await offer)
                _make_spare()
                await connection.established.wait()
            dial.check()
        except JsException as error:
            connection.abort()
            raise HandshakeError(f"the browser refuses the handshake: {error.message}") from None
        except BaseException:
            connection.abort()
            raise
        return connection

    async def listen(self, task_group: TaskGroup, parameters: ListenParameters) -> NoReturn:  # noqa: ARG002
        raise LocalProtocolError("a browser cannot listen: nobody can reach a page; dial from it instead")


class _Dial:
    """One dial: steps 3 to 5, how far it came, and why it failed."""

    def __init__(self, connection: BrowserPeerConnection, parameters: ConnectParameters) -> None:
        self._connection = connection
        self._parameters = parameters
        self._started = perf_counter()
        self._on_answer = parameters.on_answer
        self._reached: dict[str, float] = {}

    async def describe(self, rtc: Any, offer: Any) -> None:
        """Set both descriptions, so that the browser starts."""
        session = self._parameters.session
        sdp = offer.sdp
        if session.version == "v1":
            offer = _description("offer", replace_credentials(sdp, session.client))
        # The browser does one after the other; to wait for each takes a turn of the event loop more.
        local = rtc.setLocalDescription(offer)
        local.add_done_callback(_let_go)
        if session.version == "v2":
            session = session.with_client(read_credentials(sdp))
        remote = rtc.setRemoteDescription(_description("answer", session.answer_sdp()))
        remote.add_done_callback(_let_go)
        try:
            await remote
        except JsException:
            await self._check_local(local)
            raise
        # An old browser has no such object, and tells the end of a connection later.
        if self._connection.reason is None and (sctp := rtc.sctp):
            dtls = sctp.transport
            self._connection.watch(dtls, statechange=lambda event: self._dtls_is(event.target.state))
            self._connection.watch(sctp, statechange=lambda event: self._sctp_is(event.target.state))
            # While this task waited for its turn, some events had nobody to go to.
            self._dtls_is(dtls.state)
            self._sctp_is(sctp.state)

    async def _check_local(self, local: Any) -> None:
        """Raise why the browser refused the local description, if it did."""
        try:
            await local
        except JsException as error:
            if self._parameters.session.version == "v2":
                raise
            problem = f"the browser refuses the ICE credentials that v1 needs ({error.message})"
            raise VersionNotPossible("v1", problem) from None

    def check(self) -> None:
        """Return if the connection is up, and raise the reason if it is not."""
        reason, session = self._connection.reason, self._parameters.session
        if reason is None and self._connection.established.is_set():
            self._reach("sctp")
            self._connection.times = self._times()
            return
        if reason is not None and reason.kind is CloseKind.FINGERPRINT:
            raise FingerprintMismatch(expected=session.server_fingerprint, received=None)
        step = "sctp" if "dtls" in self._reached else "dtls" if "ice" in self._reached else "ice"
        if step == "ice" and _is_unreachable_for_firefox(session.ip):
            problem = "Firefox reaches no listener on its own machine, unless its preferences allow it"
            raise HandshakeError(f"no answer in {self._parameters.timeout:g} s (step: ice): {problem}")
        if reason is None or reason.kind is CloseKind.TIMEOUT:
            raise HandshakeTimeout(step, self._parameters.timeout, address=(session.ip, session.port))
        raise HandshakeError(f"the handshake failed: {reason.detail}")

    def _times(self) -> HandshakeTimes:
        durations: dict[str, float] = {}
        before = self._started
        for step in ("ice", "dtls", "sctp"):
            if step in self._reached:
                durations[step] = self._reached[step] - before
                before = self._reached[step]
        return HandshakeTimes(**durations)

    def _reach(self, step: str) -> None:
        self._reached.setdefault(step, perf_counter())

    # What the browser tells. Firefox tells the state of ICE late, when DTLS is up already.

    def ice_changed(self, event: Any) -> None:
        """The state of ICE is another one."""
        state = event.target.iceConnectionState
        logger.debug("%r: ICE is %s", self._connection, state)
        if state in _HEARD:
            if "dtls" not in self._reached:
                self._reach("ice")
            self._answered()

    def _dtls_is(self, state: str) -> None:
        logger.debug("%r: DTLS is %s", self._connection, state)
        if state == "connected":
            self._answered()
            self._reach("dtls")
        elif state == "failed":
            self._lose()

    def _sctp_is(self, state: str) -> None:
        logger.debug("%r: SCTP is %s", self._connection, state)
        if state == "closed":
            self._lose()

    def changed(self, event: Any) -> None:
        """The state of the connection as a whole is another one."""
        state = event.target.connectionState
        logger.debug("%r: the connection is %s", self._connection, state)
        if state in ("failed", "closed"):
            self._lose()
        elif state == "disconnected":
            silence = self._parameters.limits.silence_timeout
            self._connection.later(max(0.0, silence - _DISCONNECTED_AFTER), self._fall_silent)
        elif state == "connected":
            self._connection.not_later(self._fall_silent)

    def _answered(self) -> None:
        on_answer, self._on_answer = self._on_answer, None
        if on_answer is not None:
            on_answer()

    def _lose(self) -> None:
        if self._connection.ice_state not in _HEARD:
            self._fall_silent()
        elif "dtls" in self._reached or self._connection.established.is_set():
            self._connection.end(CloseReason(CloseKind.REMOTE, "closed by the peer"))
        else:
            # Nothing else that libp2p's listeners do ends DTLS here, and a browser does not say more.
            self._connection.end(CloseReason(CloseKind.FINGERPRINT, "the DTLS handshake failed"))

    def _fall_silent(self) -> None:
        self._connection.end(CloseReason(CloseKind.TIMEOUT, "the peer fell silent"))


def _accept_late_timers(loop: asyncio.AbstractEventLoop) -> None:
    """Let ``loop.call_at`` take a time that has just passed, as asyncio's own loops do.

    Pyodide's raises ValueError. A browser's timer may fire a little early; anyio sets it again for
    the rest, and if that passes meanwhile, the timeout would be lost and its scope never end.
    """

    def call_at(
        when: float,
        callback: Callable[..., object],
        *arguments: object,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        return loop.call_later(max(0.0, when - loop.time()), callback, *arguments, context=context)

    # Each dial sets it: the last one does the same as those before.
    loop.call_at = call_at  # type: ignore[method-assign, assignment]


_open: WeakSet[BrowserPeerConnection] = WeakSet()
_leaving: list[Handlers] = []


def _end_with_page(connection: BrowserPeerConnection) -> None:
    """Else the peer hears nothing of a page that is left, and waits until silence is proof."""
    _open.add(connection)
    if not _leaving:
        _leaving.append(Handlers(js.globalThis, pagehide=_leave))


def _leave(_event: Any) -> None:
    for connection in tuple(_open):
        connection.abort()


def _let_go(future: asyncio.Future[Any]) -> None:
    """Perhaps nobody asks why *future* failed."""
    if not future.cancelled():
        future.exception()


def _peer_connection(certificate: Any) -> Any:
    configuration = js.Object.new()
    configuration.certificates = js.Array.of(certificate)
    return js.RTCPeerConnection.new(configuration)


def _description(kind: str, sdp: str) -> Any:
    description = js.Object.new()
    description.type, description.sdp = kind, sdp
    return description


_spare: list[Begun[BrowserCertificate]] = []


def _make_spare() -> None:
    """Begin the certificate of the page's next dial while this one waits: that one has it then."""
    if not _spare:
        _spare.append(begin(_new_certificate()))


async def _new_certificate() -> BrowserCertificate:
    algorithm = js.Object.new()
    algorithm.name, algorithm.namedCurve = "ECDSA", "P-256"
    certificate = await call(method(js.RTCPeerConnection, "generateCertificate"), algorithm)
    return BrowserCertificate(await _fingerprint(certificate), certificate)


async def _fingerprint(certificate: Any) -> Fingerprint:
    text = None
    if hasattr(certificate, "getFingerprints"):
        for fingerprint in certificate.getFingerprints():
            if fingerprint.algorithm == "sha-256":
                text = fingerprint.value
    else:
        # Firefox tells it in an offer alone.
        rtc = _peer_connection(certificate)
        try:
            rtc.createDataChannel("")
            text = read_fingerprint((await call(method(rtc, "createOffer"))).sdp)
        finally:
            rtc.close()
    if text is None:
        raise HandshakeError("the browser does not report the SHA-256 fingerprint of its certificate")
    return Fingerprint(bytes.fromhex(text.replace(":", "")))


def _is_unreachable_for_firefox(ip: str) -> bool:
    is_loopback = ip == "::1" or ip.startswith("127.")
    return is_loopback and "Firefox" in js.navigator.userAgent
