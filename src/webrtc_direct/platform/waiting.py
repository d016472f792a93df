"""Channels and connections for whose observer waits what comes before it."""

from __future__ import annotations

from webrtc_direct.platform.base import ChannelObserver, ConnectionObserver, DataChannel, PeerConnection
from webrtc_direct.platform.closing import CloseReason


class WaitingChannel(DataChannel):
    """The part of a channel that the platforms share: telling the observer, once there is one."""

    def __init__(self) -> None:
        self._observer: ChannelObserver | None = None
        self._early: list[bytes] = []
        self._closed_early = False

    @property
    def observer(self) -> ChannelObserver | None:
        return self._observer

    @observer.setter
    def observer(self, observer: ChannelObserver | None) -> None:
        self._observer = observer
        if observer is None:
            return
        early, self._early = self._early, []
        if early:
            self.consumed(observer.data_received(b"".join(early)))
        if self._closed_early:
            self._closed_early = False
            observer.channel_closed()

    def tell_data(self, data: bytes) -> int:
        """Hand *data* over; returns how many bytes of it are dealt with already."""
        if self._observer is None:
            self._early.append(data)
            return 0
        return self._observer.data_received(data)

    def tell_writable(self) -> None:
        """Say that there is more credit."""
        if self._observer is not None:
            self._observer.channel_writable()

    def tell_closed(self) -> None:
        """Say that the channel is gone."""
        if self._observer is None:
            self._closed_early = True
        else:
            self._observer.channel_closed()


class WaitingConnection(PeerConnection):
    """The part of a connection that the platforms share: telling the observer, once there is one."""

    def __init__(self) -> None:
        self.reason: CloseReason | None = None
        self._observer: ConnectionObserver | None = None
        self._early: list[DataChannel] = []

    @property
    def observer(self) -> ConnectionObserver | None:
        return self._observer

    @observer.setter
    def observer(self, observer: ConnectionObserver | None) -> None:
        self._observer = observer
        if observer is None:
            return
        early, self._early = self._early, []
        for channel in early:
            observer.channel_opened(channel)
        if self.reason is not None:
            observer.connection_closed(self.reason)

    def tell_opened(self, channel: DataChannel) -> None:
        """Say that the peer opened *channel*."""
        if self._observer is None:
            self._early.append(channel)
        else:
            self._observer.channel_opened(channel)
