"""How ``py_libp2p_peer.py`` dials: py-libp2p as a library of ``python_dial.py``."""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio
from libp2p.identity.identify.identify import ID as IDENTIFY_PROTOCOL
from libp2p.identity.identify.identify import parse_identify_response
from libp2p.network.config import RetryConfig
from libp2p.network.exceptions import SwarmException
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.utils import read_length_prefixed_protobuf
from multiaddr import Multiaddr
from py_libp2p_streams import Connection, Watch, words_of
from python_transfers import PERF_PROTOCOL, transfer_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from libp2p.abc import IHost, INetConn
    from python_transfers import Transfer

PING_PROTOCOL = "/ipfs/ping/1.0.0"
PING_SIZE = 32
_BLOCK = bytes(65536)


class PyLibp2p:
    """The host that dials; its transport has the *version* already."""

    def __init__(self, host: IHost, version: str) -> None:
        self.local_peer_id = str(host.get_id())
        self._host = host
        self._version = version
        self._current: Connection | None = None
        # A dial that fails shall show.
        host.get_network().retry_config = RetryConfig(max_retries=0)
        host.get_network().register_notifee(Watch(begun=lambda _: None, ended=self._ended))

    @asynccontextmanager
    async def connect(self, address: str) -> AsyncIterator[Connection]:
        """Dial *address*, and close the connection at the end."""
        info = info_from_p2p_addr(Multiaddr(address))
        # A host asks a new peer for its identify by itself unless it knows what that supports, and js-libp2p
        # answers one such request at a time: the step asks.
        self._host.get_peerstore().add_protocols(info.peer_id, [IDENTIFY_PROTOCOL, PING_PROTOCOL])
        try:
            # Not the host's ``connect``: that waits a quarter of a second with any transport.
            await self._host.get_network().dial_addr(info.addrs[0], info.peer_id)
        except SwarmException as error:
            raise ConnectionError(words_of(error)) from error
        connection = self._current = Connection(self._host, info.peer_id, self._version)
        try:
            yield connection
        finally:
            with trio.CancelScope(shield=True):
                await connection.aclose()

    async def identify(self, connection: Connection) -> tuple[str, Iterable[str]]:
        """Ask the peer."""
        # Not to its end, which the built-in transport does not tell from an error.
        async with connection.open_stream(IDENTIFY_PROTOCOL) as stream:
            message = await read_length_prefixed_protobuf(stream)
        answer = parse_identify_response(message)
        return answer.agent_version, answer.protocols

    async def ping(self, connection: Connection, count: int) -> list[float]:
        """Ping *count* times. py-libp2p's own client counts whole milliseconds."""
        samples = []
        async with connection.open_stream(PING_PROTOCOL) as stream:
            for _ in range(count):
                payload = secrets.token_bytes(PING_SIZE)
                started = time.perf_counter()
                await stream.write(payload)
                answer = await stream.read_exactly(PING_SIZE)
                samples.append(round(1000 * (time.perf_counter() - started), 3))
                if answer != payload:
                    raise ValueError("the answer to a ping differs from what was sent")
        return samples

    async def perf(self, connection: Connection, *, upload: int = 0, download: int = 0) -> Transfer:
        """Move bytes. py-libp2p's own client does not wait until an upload has arrived."""
        started = time.perf_counter()
        async with connection.open_stream(PERF_PROTOCOL) as stream:
            await stream.write(download.to_bytes(8, "big"))
            for offset in range(0, upload, len(_BLOCK)):
                await stream.write(_BLOCK[: upload - offset])
            await stream.close_write()
            received = 0
            async for data in stream:
                received += len(data)
        if received != download:
            raise ValueError(f"perf: asked for {download} bytes, received {received}")
        return transfer_of(upload + download, started, compared=False)

    def state(self, _: Connection) -> str:
        """Return nothing: py-libp2p counts no bytes of a connection."""
        return ""

    def _ended(self, _: INetConn) -> None:
        """There is one at a time, and the next is dialed when the one before has been closed."""
        if self._current is not None:
            self._current.ended.set()
