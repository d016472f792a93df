"""The two versions of the handshake: which one to try first, and when the other one beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import anyio

from webrtc_direct.errors import HandshakeError, HandshakeTimeout
from webrtc_direct.handshake.errors import VersionNotPossible
from webrtc_direct.runtime.outside_tasks import Signal, clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from webrtc_direct.handshake.roles import Version
    from webrtc_direct.platform.base import PeerConnection

    Attempt = Callable[[Version, float, Callable[[], None]], Awaitable[PeerConnection]]

DialVersion = Literal["auto", "v1", "v2"]
"""What ``dial`` may be asked for: one version of the handshake, or whichever is answered."""

# With "auto" the other version is tried beside the first one when that was not answered for so long.
_OTHER_AFTER = 1.0


class Attempts:
    """One version of the handshake, or both until the first answer to either, within *seconds*."""

    def __init__(self, attempt: Attempt, versions: tuple[Version, Version], seconds: float) -> None:
        self._attempt = attempt
        self._first, self._other = versions
        self._seconds = seconds
        self._clock = clock()
        self._deadline = self._clock() + seconds
        self._scopes: dict[Version, anyio.CancelScope] = {
            "v1": anyio.CancelScope(),
            "v2": anyio.CancelScope(),
        }
        self._answered: Version | None = None
        self._peer: PeerConnection | None = None
        self._error: HandshakeError | None = None
        self._impossible: VersionNotPossible | None = None
        self._other_begun = False
        self._other_over = Signal()

    async def connect(self, version: DialVersion, tasks: TaskGroup) -> PeerConnection:
        """Return the connection. The other attempt is a task of *tasks*. Raises HandshakeError."""
        if version != "auto":
            return await self._attempt(version, self._seconds, lambda: None)
        tasks.start_soon(self._try_other_later, name=f"webrtc_direct dial {self._other}")
        # Not in a task of its own: to wait for the end of one takes some turns of a page's event loop.
        await self._run(self._first)
        if self._peer is None:
            await self._try_other()
            await self._wait_for_other()
        # The connection knows this object by its on_answer: with one reference less there is no cycle.
        peer, self._peer = self._peer, None
        if peer is not None:
            return peer
        error, self._error = self._error, None
        impossible, self._impossible = self._impossible, None
        try:
            # That nobody answered says less than why the other version could not be tried.
            if impossible is not None and (error is None or isinstance(error, HandshakeTimeout)):
                raise impossible
            raise error or AssertionError("neither connected nor failed")
        finally:
            # A local variable that holds the exception would be a reference cycle.
            del error, impossible

    async def _try_other_later(self) -> None:
        # Where it is not needed any more, to end this at once would take turns from the handshake.
        await anyio.sleep(_OTHER_AFTER)
        await self._try_other()

    async def _try_other(self) -> None:
        """Try the other version, unless that was begun before, or the first one was answered."""
        if self._other_begun:
            return
        self._other_begun = True
        try:
            if self._answered is None and self._error is None and self._clock() < self._deadline:
                await self._run(self._other)
        finally:
            self._other_over.set()

    async def _wait_for_other(self) -> None:
        try:
            await self._other_over.wait()
        except BaseException:
            if self._peer is not None:
                self._peer.abort()
            raise

    async def _run(self, version: Version) -> None:
        seconds = max(0.0, self._deadline - self._clock())
        with self._scopes[version]:
            try:
                peer = await self._attempt(version, seconds, lambda: self._answer(version))
            except VersionNotPossible as error:
                # That is between this end and its platform; the peer may answer the other version.
                self._impossible = error
                return
            except HandshakeError as error:
                self._fail(error)
                return
            self._answer(version)
            if self._answered == version:
                self._peer = peer
            else:
                peer.abort()

    def _answer(self, version: Version) -> None:
        if self._answered is None:
            self._answered = version
            if self._other_begun:
                self._scopes["v2" if version == "v1" else "v1"].cancel()

    def _fail(self, error: HandshakeError) -> None:
        if self._error is None:
            self._error = error
        for scope in self._scopes.values():
            scope.cancel()
