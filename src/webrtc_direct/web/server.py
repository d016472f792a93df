"""A small HTTP/1.1 server: h11 on anyio's TCP listeners, every wait and every size bounded."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import anyio
import h11
from anyio.abc import SocketAttribute, SocketListener

from webrtc_direct.runtime.outside_tasks import clock
from webrtc_direct.runtime.tasks import task_group
from webrtc_direct.web.address import WebAddress
from webrtc_direct.web.bounds import WebBounds
from webrtc_direct.web.files import load_files
from webrtc_direct.web.responses import POLICY, POLICY_WITH_WASM, Answer, Responder, refusal
from webrtc_direct.web.roster import Roster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from anyio.abc import SocketStream, TaskGroup

    from webrtc_direct.node.listener import Listener
    from webrtc_direct.web.files import File

logger: logging.Logger = logging.getLogger("webrtc_direct.web")

_READ_BYTES = 4096
# Of a large file, a client that is slow to take it has so much in memory.
_WRITE_BYTES = 64 * 1024
# Out of file descriptors, for example: others will be closed.
_PAUSE_AFTER_FAILED_ACCEPT = 0.1
_GONE = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


class WebServer:
    """Serves the page until the end of the block of ``serve_page``."""

    def __init__(self, address: WebAddress, roster: Roster, bounds: WebBounds, responder: Responder) -> None:
        self.address = address
        """Where it is bound, with the port that the system chose."""
        self.roster = roster
        """What the page is told of the listener."""
        self._bounds = bounds
        self._responder = responder
        self._clients: dict[_Client, None] = {}

    async def accept(self, tasks: TaskGroup, sockets: SocketListener) -> None:
        """Serve whoever connects."""
        while True:
            try:
                stream = await sockets.accept()
            except anyio.ClosedResourceError:
                return
            # Trio's sockets have an error of anyio for any other.
            except (OSError, anyio.BrokenResourceError) as error:
                logger.debug("accept: %r", error.__cause__ or error)
                await anyio.sleep(_PAUSE_AFTER_FAILED_ACCEPT)
                continue
            tasks.start_soon(self._serve, stream, name="webrtc_direct web")

    async def _serve(self, stream: SocketStream) -> None:
        async with stream:
            self._make_room()
            client = _Client(stream, self._responder, self._bounds)
            self._clients[client] = None
            try:
                with client.scope:
                    await client.serve()
            except _GONE:
                pass
            except Exception:
                logger.exception("a connection to the page failed")
            finally:
                del self._clients[client]

    def _make_room(self) -> None:
        """Let a newcomer in. Who has waited longest is worth less: honest clients never wait for long."""
        staying = [each for each in self._clients if not each.displaced]
        if len(staying) >= self._bounds.max_connections:
            min(staying, key=lambda each: each.waits_since).displace()


class _Client:
    """One TCP connection: requests, one after the other."""

    def __init__(self, stream: SocketStream, responder: Responder, bounds: WebBounds) -> None:
        self.scope = anyio.CancelScope()
        self.displaced = False
        # For a request, or for the client to take a response.
        self._clock = clock()
        self.waits_since = self._clock()
        self._stream = stream
        self._responder = responder
        self._bounds = bounds
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=bounds.max_head)

    def displace(self) -> None:
        """End it, for somebody else."""
        self.displaced = True
        self.scope.cancel()

    async def serve(self) -> None:
        """Answer requests until one of the bounds, the client or an error ends the connection."""
        for left in reversed(range(self._bounds.requests_per_connection)):
            answer, request = await self._next_answer()
            if answer is None:
                return
            keep_alive = left > 0 and not answer.ends_connection and self._http.their_state is h11.DONE
            self.waits_since = self._clock()
            seconds = self._bounds.response_timeout + len(answer.body) / self._bounds.least_rate
            with anyio.move_on_after(seconds) as taking:
                await self._send(answer, request, keep_alive=keep_alive)
            if taking.cancelled_caught:
                return
            if not keep_alive or self._http.our_state is not h11.DONE:
                await self._linger()
                return
            self._http.start_next_cycle()
            self.waits_since = self._clock()

    async def _next_answer(self) -> tuple[Answer | None, h11.Request | None]:
        """Read a request, and return what to answer; nothing where the client is gone or too slow."""
        try:
            request = await self._next_request()
            if request is None:
                return None, None
            answer = self._responder.answer(request)
            # What has no body says so at once.
            if not isinstance(self._http.next_event(), h11.EndOfMessage):
                return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A request has no body here."), request
            return answer, request
        except h11.RemoteProtocolError as error:
            status = HTTPStatus(error.error_status_hint)
            logger.debug("a malformed request: %r", str(error))
            return refusal(status, f"{status.phrase}."), None
        except TimeoutError:
            return refusal(HTTPStatus.REQUEST_TIMEOUT, "The request took too long."), None

    async def _next_request(self) -> h11.Request | None:
        """Return the next one; nothing where none comes.

        Raises:
            TimeoutError: it began, and did not end in time.
        """
        event = self._http.next_event()
        if event is h11.NEED_DATA and not self._http.trailing_data[0]:
            with anyio.move_on_after(self._bounds.idle_timeout):
                event = await self._feed()
        with anyio.fail_after(self._bounds.request_timeout):
            while event is h11.NEED_DATA and self._http.trailing_data[0]:
                event = await self._feed()
        return event if isinstance(event, h11.Request) else None

    async def _feed(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        try:
            data = await self._stream.receive(_READ_BYTES)
        except anyio.EndOfStream:
            data = b""
        self._http.receive_data(data)
        return self._http.next_event()

    async def _send(self, answer: Answer, request: h11.Request | None, *, keep_alive: bool) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        data = self._http.send(answer.to_h11(keep_alive=keep_alive)) or b""
        body = b"" if request is not None and request.method == b"HEAD" else answer.body
        for start in range(0, len(body), _WRITE_BYTES):
            data += self._http.send(h11.Data(data=body[start : start + _WRITE_BYTES])) or b""
            if start + _WRITE_BYTES < len(body):
                await self._stream.send(data)
                self.waits_since = self._clock()
                data = b""
        data += self._http.send(h11.EndOfMessage()) or b""
        await self._stream.send(data)

    async def _linger(self) -> None:
        """Read what still comes: a socket that is closed with data unread takes back what it sent."""
        received = 0
        with anyio.move_on_after(self._bounds.linger_timeout):
            try:
                await self._stream.send_eof()
            except OSError:
                # The client is gone. On asyncio anyio hides that, on trio it does not.
                return
            while received < self._bounds.linger_bytes:
                received += len(await self._stream.receive(_READ_BYTES))


@asynccontextmanager
async def serve_page(
    listener: Listener,
    address: WebAddress,
    bounds: WebBounds | None = None,
    page: Mapping[str, File] | None = None,
) -> AsyncIterator[WebServer]:
    """Serve the page of *listener* at *address*, for ``async with``. What it is told goes to ``roster``.

    *page* is what ``read_folder`` returns, and may compile WebAssembly; without it, the built-in page.

    Raises:
        OSError: the address cannot be bound.
    """
    bounds = bounds or WebBounds()
    try:
        bound = await anyio.create_tcp_listener(
            local_host=str(address.ip), local_port=address.port, backlog=bounds.backlog
        )
    except OSError as error:
        raise OSError(error.errno, error.strerror or "cannot be bound", str(address)) from error
    async with bound, task_group() as tasks:
        (sockets,) = bound.listeners
        if not isinstance(sockets, SocketListener):
            raise TypeError("anyio made no socket of an IP address")
        here = WebAddress(address.ip, sockets.extra(SocketAttribute.local_port))
        roster = Roster(listener, bounds)
        table, policy = (load_files(), POLICY) if page is None else (page, POLICY_WITH_WASM)
        responder = Responder(here, table, roster.document, policy=policy)
        server = WebServer(here, roster, bounds, responder)
        tasks.start_soon(server.accept, tasks, sockets, name="webrtc_direct web accept")
        yield server
        tasks.cancel_scope.cancel()
