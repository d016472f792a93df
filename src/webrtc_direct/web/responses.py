"""Which request gets which answer. It knows neither sockets nor time limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webrtc_direct.web.address import WebAddress
    from webrtc_direct.web.files import File

LISTENER_JSON = "/listener.json"

_METHODS = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'{}; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
POLICY = _POLICY.format("")
POLICY_WITH_WASM = _POLICY.format(" 'wasm-unsafe-eval'")
"""For a page that compiles WebAssembly. It may evaluate no more JavaScript than any other."""
_UNUSED_FEATURES = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone",
    "midi", "payment", "publickey-credentials-get", "screen-wake-lock", "usb", "xr-spatial-tracking",
)  # fmt: skip
# There is no CORS header among them: no page of another origin may read anything.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With the opener policy it isolates the page, whose clock is then exact to microseconds.
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Answer:
    """A response. One that refuses the request as such ends its connection."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    ends_connection: bool = False

    def to_h11(self, *, keep_alive: bool) -> h11.Response:
        """Return the head of it."""
        headers = {
            **_HEADERS,
            **self.headers,
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
            "Date": formatdate(usegmt=True),
        }
        if not keep_alive:
            headers["Connection"] = "close"
        return h11.Response(status_code=self.status, reason=self.status.phrase, headers=list(headers.items()))


def refusal(status: HTTPStatus, why: str, **headers: str) -> Answer:
    """Return an answer that says *why*, and ends the connection."""
    return Answer(status, f"{why}\n".encode(), headers=headers, ends_connection=True)


class Responder:
    """Answers requests: a fixed table of files, and one JSON document."""

    def __init__(
        self,
        address: WebAddress,
        table: Mapping[str, File],
        listener_json: Callable[[], bytes],
        *,
        policy: str = POLICY,
    ) -> None:
        self._address = address
        self._table = table
        self._listener_json = listener_json
        self._file_headers = {"Content-Security-Policy": policy}

    def answer(self, request: h11.Request) -> Answer:
        """Return the answer to *request*. It never raises for what is in a request."""
        headers: dict[bytes, str] = {}
        for name, value in request.headers:
            # One that comes twice is what RFC 9110 section 5.3 makes of it, and fits nothing.
            text = value.decode("latin-1")
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
        refused = self._refuse(request, headers)
        if refused is not None:
            return refused
        target = request.target.decode("latin-1")
        if target == LISTENER_JSON:
            return Answer(HTTPStatus.OK, self._listener_json(), "application/json")
        file = self._table.get(target)
        if file is None:
            return Answer(HTTPStatus.NOT_FOUND, b"There is nothing here.\n")
        return Answer(HTTPStatus.OK, file.body, file.content_type, self._file_headers)

    def _refuse(self, request: h11.Request, headers: Mapping[bytes, str]) -> Answer | None:
        if request.http_version not in (b"1.0", b"1.1"):
            return refusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "This server speaks HTTP/1.1.")
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not self._address.answers_to(host):
            return refusal(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"This server is not called so. Open {self._address.url} with the port that it listens on.",
            )
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            return refusal(HTTPStatus.FORBIDDEN, "Pages of other origins are not answered.")
        if request.method.decode("latin-1") not in _METHODS:
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD.", Allow=", ".join(_METHODS))
        site = headers.get(b"sec-fetch-site", "none")
        # "none" is a person who typed the address.
        if request.target == LISTENER_JSON.encode() and site not in ("same-origin", "none"):
            return refusal(HTTPStatus.FORBIDDEN, "Pages of other sites are not answered.")
        return None
