"""The memory platform: dialers and listeners of one process, for tests of everything above the seam.

It owns the addresses, and who finds whom. It knows no ICE, no DTLS and no datagrams.
"""

from __future__ import annotations

import errno
from collections import deque
from itertools import count
from typing import TYPE_CHECKING

import anyio

from webrtc_direct.errors import HandshakeTimeout
from webrtc_direct.handshake.errors import FingerprintMismatch
from webrtc_direct.handshake.roles import Role
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.platform.base import ConnectParameters, ListenParameters, Platform, PlatformListener
from webrtc_direct.platform.memory_connection import MemoryConnection, MemoryLink
from webrtc_direct.runtime.outside_tasks import Signal

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.platform.base import LocalCertificate

_WILDCARDS = ("0.0.0.0", "::")
_FIRST_EPHEMERAL_PORT = 49152


class MemoryNetwork:
    """Where dialers find the listeners of this process. ``links`` are all connections so far.

    ``answers_after`` says how many seconds its listeners take to answer a dial of each version;
    ``math.inf`` is never.
    """

    def __init__(self) -> None:
        self.links: list[MemoryLink] = []
        self.answers_after: dict[Version, float] = {"v1": 0.0, "v2": 0.0}
        self._listeners: dict[tuple[str, int], MemoryListener] = {}
        self._ports = count(_FIRST_EPHEMERAL_PORT)

    def bind(self, listener: MemoryListener, ip: str, port: int) -> int:
        """Put *listener* at this address; returns the port. Raises OSError when it is taken."""
        port = port or next(self._ports)
        if (ip, port) in self._listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self._listeners[ip, port] = listener
        return port

    def unbind(self, listener: MemoryListener) -> None:
        """Remove *listener*."""
        self._listeners = {key: value for key, value in self._listeners.items() if value is not listener}

    def find(self, ip: str, port: int) -> MemoryListener | None:
        """Return the listener at this address."""
        for candidate in (ip, *_WILDCARDS):
            if listener := self._listeners.get((candidate, port)):
                return listener
        return None


class MemoryListener(PlatformListener):
    """A place in a MemoryNetwork."""

    def __init__(self, network: MemoryNetwork, task_group: TaskGroup, parameters: ListenParameters) -> None:
        self.certificate: LocalCertificate = parameters.certificate
        self.limits: Limits = parameters.limits
        self._network = network
        self._task_group = task_group
        self._waiting: deque[MemoryConnection] = deque()
        self._connections: list[MemoryConnection] = []
        self._wake = Signal()
        self._closed = False
        self.port: int = network.bind(self, parameters.ip, parameters.port)

    def add(self, connection: MemoryConnection) -> None:
        """Let *connection* be accepted."""
        connection.start(self._task_group)
        self._connections.append(connection)
        self._waiting.append(connection)
        self._wake.set()

    async def accept(self) -> MemoryConnection:
        while not self._waiting:
            if self._closed:
                raise anyio.ClosedResourceError
            self._wake = Signal()
            await self._wake.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()
        self._wake.set()
        self._network.unbind(self)
        for connection in self._connections:
            connection.abort()
        self._connections.clear()

    async def wait_closed(self) -> None:
        await anyio.lowlevel.checkpoint()


class MemoryPlatform(Platform):
    """Connects dialers and listeners that share *network*."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network
        self._ports = count(_FIRST_EPHEMERAL_PORT)

    async def make_certificate(self) -> Certificate:
        return Certificate.generate()

    async def connect(self, task_group: TaskGroup, parameters: ConnectParameters) -> MemoryConnection:
        session = parameters.session
        await anyio.lowlevel.checkpoint()
        listener = self._network.find(session.ip, session.port)
        seconds = self._network.answers_after[session.version]
        if listener is None or seconds >= parameters.timeout:
            await anyio.sleep(parameters.timeout)
            raise HandshakeTimeout("ice", parameters.timeout, address=(session.ip, session.port))
        if seconds:
            await anyio.sleep(seconds)
        if parameters.on_answer is not None:
            parameters.on_answer()
            await anyio.lowlevel.checkpoint()
        local, remote = parameters.certificate.fingerprint, listener.certificate.fingerprint
        if remote != session.server_fingerprint:
            raise FingerprintMismatch(expected=session.server_fingerprint, received=remote)
        client = MemoryConnection(
            Role.CLIENT,
            session.version,
            local=local,
            remote=remote,
            remote_address=(session.ip, session.port),
            limits=parameters.limits,
        )
        server = MemoryConnection(
            Role.SERVER,
            session.version,
            local=remote,
            remote=local,
            remote_address=(session.ip, next(self._ports)),
            limits=listener.limits,
        )
        self._network.links.append(MemoryLink(client, server))
        client.start(task_group)
        listener.add(server)
        return client

    async def listen(self, task_group: TaskGroup, parameters: ListenParameters) -> MemoryListener:
        await anyio.lowlevel.checkpoint()
        return MemoryListener(self._network, task_group, parameters)
