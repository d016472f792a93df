"""A connection for as long as a block lasts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from webrtc_direct.connection.connection import Connection
from webrtc_direct.runtime.tasks import task_group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from webrtc_direct.connection.local_end import LocalEnd
    from webrtc_direct.connection.step_times import StepTimes
    from webrtc_direct.identity.identity import PublicKey
    from webrtc_direct.platform.base import PeerConnection


@asynccontextmanager
async def connected(
    peer: PeerConnection,
    local: LocalEnd,
    *,
    public_key: PublicKey,
    times: StepTimes,
    background: Iterable[Callable[[Connection], Awaitable[None]]] = (),
) -> AsyncIterator[Connection]:
    """The connection on top of *peer*, with its handlers and timers, and with *background* running beside it.

    Whoever uses this runs ``serve_streams`` of it. At the end of the block it is closed gracefully; on an
    exception it is aborted. Handlers learn of the end by ConnectionLost, and are cancelled after
    ``Limits.close_timeout``.
    """
    async with task_group() as tasks:
        connection = Connection(peer, tasks, local, public_key=public_key, times=times)
        for each in background:
            tasks.start_soon(connection.run_until_end, each, name="webrtc_direct background")
        try:
            yield connection
            await connection.aclose()
        finally:
            connection.abort()
        tasks.cancel_scope.deadline = local.refusals.clock() + local.limits.close_timeout
