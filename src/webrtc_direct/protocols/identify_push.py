"""``/ipfs/id/push/1.0.0``: what a peer says of itself when that has changed, without being asked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from webrtc_direct.errors import LimitExceeded
from webrtc_direct.protocols.identify import own_message, read_message, take_untrusted
from webrtc_direct.runtime.user_code import call_hook

if TYPE_CHECKING:
    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.streams.stream import Stream

logger: logging.Logger = logging.getLogger("webrtc_direct.identify")

IDENTIFY_PUSH_PROTOCOL = "/ipfs/id/push/1.0.0"


async def identify_push(connection: Connection) -> None:
    """Tell the peer about this end anew, for example after ``handle`` or ``unhandle``.

    Raises:
        ProtocolNotSupported: the peer takes no such news.
        ConnectionLost: the connection ended meanwhile.
    """
    async with connection.open_stream(IDENTIFY_PUSH_PROTOCOL) as stream:
        await stream.write(await own_message(connection))


async def identify_push_handler(stream: Stream) -> None:
    """Take what the peer says of itself. It counts as what ``identify`` gave; what it leaves out stays."""
    stream.counts_as_use = False
    connection = stream.connection
    if not connection.pushes.allows():
        limit = "identify_pushes_per_minute"
        connection.refuse(limit)
        raise LimitExceeded(limit, connection.local.limits.identify_pushes_per_minute)
    info = await take_untrusted(connection, await read_message(stream), before=connection.identified)
    call_hook(connection.on_identified, info, owner=connection, logger=logger)
