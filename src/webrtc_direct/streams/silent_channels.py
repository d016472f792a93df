"""Channels that the peer has opened and has said nothing on: the least that can be kept of them.

A stream with its task begins with the first bytes. So whoever opens channels and resets them, or lets them
lie, makes little work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

    from webrtc_direct.bounds.process_budget import Share
    from webrtc_direct.bounds.refusals import Refusals
    from webrtc_direct.platform.base import DataChannel
    from webrtc_direct.streams.stream_table import StreamTable


class SilentChannels:
    """Those of one connection. *spoke* takes a channel and its first bytes, as ``data_received`` does."""

    __slots__ = ("_deadlines", "_refusals", "_shares", "_spoke", "_table", "_watching")

    def __init__(
        self,
        table: StreamTable,
        refusals: Refusals,
        pending: Share,
        spoke: Callable[[DataChannel, bytes], int],
    ) -> None:
        self._table = table
        self._shares = (table.share, pending)
        self._refusals = refusals
        self._spoke = spoke
        # Until when the peer has to say something; all are equally far away when they are set.
        self._deadlines: dict[_SilentChannel, float] = {}
        self._watching = False

    def __len__(self) -> int:
        return len(self._deadlines)

    def add(self, channel: DataChannel) -> None:
        """Wait for the first bytes on *channel*, for ``Limits.negotiation_timeout``."""
        silent = _SilentChannel(self, channel)
        self._deadlines[silent] = self._refusals.clock() + self._refusals.limits.negotiation_timeout
        self._count(1)
        if not self._watching:
            self._watching = True
            self._table.timers.start(self._watch, name="silent channels")
        channel.observer = silent

    def end(self) -> None:
        """Forget them: the connection has ended."""
        self._deadlines.clear()

    def spoke(self, silent: _SilentChannel, data: bytes) -> int:
        """Hand over a channel on which *data* came. It counts as before."""
        del self._deadlines[silent]
        return self._spoke(silent.channel, data)

    def closed(self, silent: _SilentChannel) -> None:
        """Forget one that the peer has closed."""
        if self._deadlines.pop(silent, None) is not None:
            self._count(-1)
            self._table.count_reset()

    def _count(self, count: int) -> None:
        for share in self._shares:
            share.add(count)

    async def _watch(self) -> None:
        while self._deadlines:
            silent, deadline = next(iter(self._deadlines.items()))
            await anyio.sleep_until(deadline)
            if self._deadlines.pop(silent, None) is not None:
                self._count(-1)
                self._refusals.refuse("negotiation_timeout")
                silent.channel.reset()
        self._watching = False


class _SilentChannel:
    """The observer of one (``ChannelObserver``)."""

    __slots__ = ("_all", "channel")

    def __init__(self, all_of_them: SilentChannels, channel: DataChannel) -> None:
        self._all = all_of_them
        self.channel: DataChannel = channel

    def data_received(self, data: bytes) -> int:
        """The peer speaks."""
        return self._all.spoke(self, data)

    def channel_writable(self) -> None:
        """Nothing is written before the peer has spoken."""

    def channel_closed(self) -> None:
        """The peer has closed it."""
        self._all.closed(self)
