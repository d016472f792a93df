"""A node: one identity, its listeners and its connections, which outlive blocks and tasks.

``dial`` and ``listen`` give what lasts as long as a block. A node is one block for a whole program:
each connection is held by a task of its own until it ends, is closed, or the node is.
"""

from __future__ import annotations

import logging
import random
import signal
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.address.names import Target, parse_target
from webrtc_direct.bounds.limits import Limits
from webrtc_direct.errors import LimitExceeded, LocalProtocolError, WebRtcDirectError
from webrtc_direct.identity.identity import KeyPair
from webrtc_direct.node.dialer import DialVersion, dial
from webrtc_direct.node.listener import Listener, listen
from webrtc_direct.platform.closing import CloseKind
from webrtc_direct.protocols.defaults import with_defaults
from webrtc_direct.runtime.hosted import hosted
from webrtc_direct.runtime.outside_tasks import Signal, clock
from webrtc_direct.runtime.tasks import task_group
from webrtc_direct.runtime.user_code import call_hook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from anyio.abc import TaskGroup, TaskStatus

    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.connection.handlers import Handler
    from webrtc_direct.identity.certificate import Certificate
    from webrtc_direct.identity.identity import PeerId
    from webrtc_direct.node.listener import AcceptHook
    from webrtc_direct.platform.base import Platform
    from webrtc_direct.platform.closing import CloseReason

logger: logging.Logger = logging.getLogger("webrtc_direct.node")

# A peer that is lost is dialed again after about so long, and each time twice as long, up to the last.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM) if sys.platform != "win32" else (signal.SIGINT,)

_CLOSED = "the node is closed, or its block was not entered"


class Node:
    """One identity with its listeners and connections, for ``async with``.

    Any task of the event loop may dial, listen, and use the results. They last until they are closed or
    end, or until the node's block ends. By default *identity* is a new one, and each dial and each listener
    has a new *certificate*. *handlers* serve the streams that peers open, on all connections. With
    *keep_alive*, each peer is pinged at this interval in seconds, and its connection ends if it does not
    answer.

    Set ``on_connected`` to a function that is called with each new connection, dialed or accepted, and
    ``on_disconnected`` to one that is called with the connection and the reason when it has ended.

    The end of the block closes all connections gracefully, within ``Limits.close_timeout``. An exception
    aborts them at once, and leaves the block unchanged.

    Example::

        async with webrtc_direct.Node(handlers={"/chat/1": chat}) as node:
            await node.listen("/ip4/0.0.0.0/udp/4001/webrtc-direct")
            await node.serve_forever()
    """

    def __init__(
        self,
        *,
        identity: KeyPair | None = None,
        certificate: Certificate | None = None,
        handlers: Mapping[str, Handler] | None = None,
        keep_alive: float | None = None,
        limits: Limits | None = None,
        platform: Platform | None = None,
    ) -> None:
        self.identity: KeyPair = identity or KeyPair.generate()
        """The identity that this end proves to its peers."""
        self.on_connected: Callable[[Connection], object] | None = None
        self.on_disconnected: Callable[[Connection, CloseReason], object] | None = None
        self._certificate = certificate
        self._handlers = with_defaults(handlers)
        self._keep_alive = keep_alive
        self._limits = limits or Limits()
        self._platform = platform
        self._block: AbstractAsyncContextManager[Node] | None = None
        self._tasks: TaskGroup | None = None
        self._closing = Signal()
        self._changed = Signal()
        self._listeners: set[Listener] = set()
        # The newest last.
        self._connections: dict[Connection, None] = {}
        # Those that this end has dialed, and is dialing.
        self._dialed: set[Connection] = set()
        self._attempts: set[anyio.CancelScope] = set()
        self._dialing: dict[PeerId, _Dialing] = {}
        self._redialed: set[Target] = set()

    def __repr__(self) -> str:
        return (
            f"<Node {self.peer_id}, {len(self._listeners)} listeners, {len(self._connections)} connections>"
        )

    async def __aenter__(self) -> Node:
        if self._block is not None:
            raise LocalProtocolError("a node can be entered only once, and this one was entered before")
        self._block = self._run()
        return await self._block.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if self._block is None:
            raise LocalProtocolError("the block of the node was not entered")
        return await self._block.__aexit__(kind, error, traceback)

    @property
    def peer_id(self) -> PeerId:
        """The peer id of this end."""
        return self.identity.peer_id

    @property
    def addresses(self) -> list[str]:
        """The multiaddrs of all listeners, to be dialed."""
        return [address for listener in self._listeners for address in listener.addresses]

    @property
    def listeners(self) -> list[Listener]:
        """The current listeners."""
        return list(self._listeners)

    @property
    def connections(self) -> list[Connection]:
        """The current connections, dialed and accepted, the newest last."""
        return list(self._connections)

    def connection(self, peer_id: PeerId) -> Connection | None:
        """Return the newest open connection with *peer_id*, if there is one."""
        found = (each for each in reversed(self._connections) if each.peer_id == peer_id and each.is_open)
        return next(found, None)

    async def wait_connected(self, peer_id: PeerId) -> Connection:
        """Return the newest connection with *peer_id*, once there is one.

        Raises:
            LocalProtocolError: the node is closed.
        """
        while (found := self.connection(peer_id)) is None:
            self._require_open()
            await self._changed.wait()
        return found

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve *protocol* with *handler* from now on, also on current connections.

        A *protocol* that ends in ``*`` stands for all that begin like it; ``Connection.handle`` says
        which handler is chosen.
        """
        self._handlers.add(protocol, handler)

    def unhandle(self, protocol: str) -> None:
        """Stop serving *protocol*, also on current connections; open streams continue.

        Raises:
            LocalProtocolError: the node has no handler with that name.
        """
        self._handlers.remove(protocol)

    async def listen(
        self,
        address: object,
        *,
        announce: Sequence[str] = (),
        accept: AcceptHook | None = None,
        allow_missing: bool = False,
    ) -> Listener:
        """Accept connections at *address* until the node is closed. The parameters are those of ``listen``.

        Raises:
            AddressError: *address* is not one to listen on, or one of *announce* not one to dial.
            OSError: it cannot be bound.
            LocalProtocolError: the node is closed, or this is a browser.
        """

        async def hold(*, task_status: TaskStatus[Listener]) -> None:
            """Listen as long as the node is open."""
            async with listen(
                address,
                identity=self.identity,
                certificate=self._certificate,
                handlers=self._handlers,
                announce=announce,
                accept=accept,
                keep_alive=self._keep_alive,
                allow_missing=allow_missing,
                limits=self._limits,
                platform=self._platform,
            ) as listener:
                listener.on_connected = self._connected
                listener.on_disconnected = self._disconnected
                self._listeners.add(listener)
                try:
                    task_status.started(listener)
                    await self._closing.wait()
                finally:
                    self._listeners.discard(listener)
            self._tell_change()

        listener: Listener = await self._require_open().start(hold, name="webrtc_direct listener")
        return listener

    async def dial(
        self,
        address: object,
        *,
        version: DialVersion = "auto",
        timeout: float | None = None,
        any_peer: bool = False,
        redial: bool = False,
    ) -> Connection:
        """Return a connection to the peer that *address* names: the existing one, or a new one.

        Tasks that dial the same peer at the same time get the same connection. It lasts until it ends, is
        closed (``aclose``), or the node is closed. With *redial*, a lost peer is dialed again, after 0.5 s
        at first and later at most a minute, until this end closes a connection to it, or the node.
        ``wait_connected`` and ``on_connected`` give the new connection. Other parameters and errors are
        those of ``dial``.

        Raises:
            AddressError: *address* cannot be dialed.
            HandshakeError: the handshake failed; ``dial`` lists the kinds.
            LimitExceeded: ``Limits.max_connections`` connections that the node dialed are open.
            LocalProtocolError: the node is closed.
        """
        target = parse_target(address, any_peer=any_peer)
        peer_id = target.peer_id
        how = _How(target, version, any_peer)
        if peer_id is None:
            connection = await self._dial(how, timeout)
        else:
            connection = self.connection(peer_id) or await self._share(peer_id, how, timeout)
        if redial and target not in self._redialed:
            tasks = self._require_open()
            self._redialed.add(target)
            tasks.start_soon(self._redial, connection, how, name="webrtc_direct redial")
        return connection

    async def _share(self, peer_id: PeerId, how: _How, timeout: float | None) -> Connection:
        """Dial as *how* says, or wait for the task that does."""
        while (other := self._dialing.get(peer_id)) is not None:
            await other.over.wait()
            if other.connection is not None:
                return other.connection
        self._dialing[peer_id] = own = _Dialing()
        try:
            own.connection = await self._dial(how, timeout)
            return own.connection
        finally:
            del self._dialing[peer_id]
            own.over.set()

    async def _dial(self, how: _How, timeout: float | None) -> Connection:
        if len(self._dialed) + len(self._attempts) >= self._limits.max_connections:
            raise LimitExceeded("max_connections", self._limits.max_connections)

        block = dial(
            how.target,
            identity=self.identity,
            certificate=self._certificate,
            handlers=self._handlers,
            version=how.version,
            timeout=timeout,
            limits=self._limits,
            any_peer=how.any_peer,
            keep_alive=self._keep_alive,
            platform=self._platform,
        )
        connection: Connection = await self._require_open().start(
            self._hold, block, name="webrtc_direct dialed"
        )
        return connection

    async def _hold(
        self, block: AbstractAsyncContextManager[Connection], *, task_status: TaskStatus[Connection]
    ) -> None:
        """Keep the connection that *block* gives as long as it lasts and the node is open."""
        with anyio.CancelScope() as attempt:
            self._attempts.add(attempt)
            try:
                async with block as connection:
                    self._attempts.discard(attempt)
                    self._dialed.add(connection)
                    self._connected(connection)
                    task_status.started(connection)
                    await _first_of(connection.wait_closed, self._closing.wait)
                self._disconnected(connection, await connection.wait_closed())
            finally:
                self._attempts.discard(attempt)
        if attempt.cancelled_caught:
            raise LocalProtocolError(_CLOSED)

    async def _redial(self, connection: Connection, how: _How) -> None:
        now, pause = clock(), _FIRST_PAUSE
        while not self._closing.is_set():
            since = now()
            if (await connection.wait_closed()).kind is CloseKind.LOCAL:
                break
            if now() - since > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            # Peers that lose the same server must not come back at the same moment.
            with anyio.move_on_after(pause * random.uniform(0.5, 1.5)):
                await self._closing.wait()
            # Also where it comes back and leaves again at once.
            pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                connection = await self.dial(how.target, version=how.version, any_peer=how.any_peer)
            except WebRtcDirectError as error:
                logger.info("%r cannot dial %s again: %s", self, how.target, error)
        self._redialed.discard(how.target)

    async def serve_forever(self, *, drain: float = 0.0) -> None:
        """Return when SIGINT or SIGTERM asks this process to end, or the node is closed.

        From then on new connections are refused, and existing ones have *drain* seconds to end by
        themselves; a second signal cuts that short. The end of the node's block closes the rest and tells
        their peers. This works only in the main thread. A signal that is ignored stays ignored.

        Raises:
            LocalProtocolError: this is not the main thread.
        """
        if threading.current_thread() is not threading.main_thread():
            raise LocalProtocolError(
                "serve_forever works only in the main thread, which receives the signals"
            )
        wanted = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        if not wanted:
            await self._closing.wait()
            return
        with anyio.open_signal_receiver(*wanted) as signals:
            await _first_of(signals.__anext__, self._closing.wait)
            for listener in self._listeners:
                listener.stop_accepting()
            with anyio.move_on_after(drain):
                await _first_of(signals.__anext__, self._closing.wait, self._until_alone)

    async def _until_alone(self) -> None:
        while self._connections:
            await self._changed.wait()

    async def aclose(self) -> None:
        """Close all connections gracefully, within ``Limits.close_timeout``, and all listeners."""
        self._close()
        async with anyio.create_task_group() as closing:
            for connection in list(self._connections):
                closing.start_soon(connection.aclose)
        while self._listeners or self._dialed:
            await self._changed.wait()

    @hosted
    async def _run(self) -> AsyncIterator[Node]:
        """The block that holds all tasks."""
        async with task_group() as self._tasks:
            try:
                yield self
                await self.aclose()
            finally:
                self._close()

    def _close(self) -> None:
        self._closing.set()
        # Nobody shall wait for their ends.
        for attempt in self._attempts:
            attempt.cancel()
        self._tell_change()

    def _require_open(self) -> TaskGroup:
        if self._tasks is None or self._closing.is_set():
            raise LocalProtocolError(_CLOSED)
        return self._tasks

    def _connected(self, connection: Connection) -> None:
        self._connections[connection] = None
        self._tell_change()
        self._tell(self.on_connected, connection)

    def _disconnected(self, connection: Connection, reason: CloseReason) -> None:
        self._connections.pop(connection, None)
        self._dialed.discard(connection)
        self._tell_change()
        self._tell(self.on_disconnected, connection, reason)

    def _tell(self, hook: Callable[..., object] | None, *arguments: object) -> None:
        call_hook(hook, *arguments, owner=self, logger=logger)

    def _tell_change(self) -> None:
        changed, self._changed = self._changed, Signal()
        changed.set()


@dataclass(frozen=True)
class _How:
    """What to dial, and how; again, where the peer is lost."""

    target: Target
    version: DialVersion
    any_peer: bool


class _Dialing:
    """An attempt to reach a peer that other tasks may wait for."""

    def __init__(self) -> None:
        self.over = Signal()
        self.connection: Connection | None = None


async def _first_of(*waits: Callable[[], Awaitable[object]]) -> None:
    """Return once one of *waits* has, and cancel the others."""
    async with anyio.create_task_group() as tasks:

        async def wait(each: Callable[[], Awaitable[object]]) -> None:
            """Wait for *each*."""
            await each()
            tasks.cancel_scope.cancel()

        for each in waits:
            tasks.start_soon(wait, each)
