"""Attackers who have proved who they are: one process holds many connections to a listener, and misbehaves.

They keep to no rule of streams, so they stand on the platform's connections and write frames themselves.
Nothing of theirs waits for an answer. A connection that ends is made again. Prints two JSON lines: one when
all connections are there, and one at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import anyio
from anyio.lowlevel import checkpoint

from stress.work import MIB
from webrtc_direct import KeyPair, Limits, WebRtcDirectAddress, WebRtcDirectError
from webrtc_direct.connection.authentication import authenticate
from webrtc_direct.handshake.noise import NoiseKeys
from webrtc_direct.handshake.sdp import make_session
from webrtc_direct.platform import default_platform
from webrtc_direct.platform.base import ConnectParameters
from webrtc_direct.protocols.perf import PERF_PROTOCOL
from webrtc_direct.streams.message import Flag, encode_data, encode_flag
from webrtc_direct.streams.multistream import HEADER, encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from anyio.abc import TaskGroup

    from webrtc_direct.platform.base import DataChannel, PeerConnection
    from webrtc_direct.platform.closing import CloseReason

KINDS = ("idle", "resets", "trickle")
# Dials at a time: more are no faster.
_DIALERS = 16
_TIMEOUT = 10.0
_REDIAL_SECONDS = 1.0
_TICK = 0.01
# Of a transfer that is read byte by byte.
_TRANSFER = 1 << 40
_OPENING = encode(HEADER) + encode(PERF_PROTOCOL)
# They hold little themselves, so that a thousand of them fit.
_LIMITS = Limits(unread_bytes=64 * 1024, receive_window=MIB, stall_timeout=3600)


class Attackers:
    """The connections of all, each from and to one of *addresses* in turn, and what is done with them."""

    def __init__(self, addresses: Sequence[WebRtcDirectAddress], options: argparse.Namespace) -> None:
        self._addresses = addresses
        self._options = options
        self._platform = default_platform()
        self._dialing = anyio.Semaphore(_DIALERS)
        self._live: dict[PeerConnection, Trickle | None] = {}
        self._begun = False
        self._tried = 0
        self._lost: dict[str, int] = {}
        self.opened = 0

    async def run(self) -> None:
        """Dial all, attack for as long as the options say, and tell of it."""
        self._identity = KeyPair.generate()
        self._certificate = await self._platform.make_certificate()
        async with anyio.create_task_group() as tasks:
            for number in range(self._options.connections):
                tasks.start_soon(self._hold, tasks, self._addresses[number % len(self._addresses)])
            while self._tried < self._options.connections:  # noqa: ASYNC110 - a poll is all it takes here
                await anyio.sleep(_TICK)
            _emit(event="connected", connections=len(self._live))
            self._begun = True
            for peer in self._live:
                self._begin(peer)
            attacks: dict[str, Callable[[], Awaitable[None]]] = {"resets": self._reset, "trickle": self._read}
            with anyio.move_on_after(self._options.seconds):
                await attacks.get(self._options.kind, anyio.sleep_forever)()
            _emit(
                event="result",
                connections=len(self._live),
                streams=self.opened,
                bytes=sum(each.bytes for each in self._live.values() if each is not None),
                seconds=self._options.seconds,
                lost=self._lost,
            )
            tasks.cancel_scope.cancel()

    async def _hold(self, tasks: TaskGroup, address: WebRtcDirectAddress) -> None:
        """Keep one connection, and make it again when it ends."""
        first = True
        while True:
            try:
                async with self._dialing:
                    peer = await self._dial(tasks, address)
            except WebRtcDirectError as error:
                self._lose(type(error).__name__)
                peer = None
            self._tried += first
            first = False
            if peer is not None:
                self._live[peer] = None
                if self._begun:
                    self._begin(peer)
                reason: CloseReason = await peer.wait_closed()
                del self._live[peer]
                self._lose(reason.detail)
            await anyio.sleep(_REDIAL_SECONDS)

    def _lose(self, why: str) -> None:
        self._lost[why] = self._lost.get(why, 0) + 1

    async def _dial(self, tasks: TaskGroup, address: WebRtcDirectAddress) -> PeerConnection:
        session = make_session(address, version="v1", certificate_fingerprint=self._certificate.fingerprint)
        parameters = ConnectParameters(session, self._certificate, _LIMITS, _TIMEOUT)
        peer = await self._platform.connect(tasks, parameters)
        await authenticate(
            peer,
            await NoiseKeys.of(self._identity),
            limits=_LIMITS,
            seconds=_TIMEOUT,
            expected=address.peer_id,
        )
        return peer

    def _begin(self, peer: PeerConnection) -> None:
        if self._options.kind == "trickle":
            self._live[peer] = Trickle(peer.open_channel())

    async def _reset(self) -> None:
        """Open streams on all connections at the rate, begin to agree on a protocol, and reset them."""
        begun = anyio.current_time()
        done = 0
        while True:
            due = int((anyio.current_time() - begun) * self._options.rate)
            for _ in range(due - done):
                for peer in list(self._live):
                    self._open_and_reset(peer.open_channel())
                await checkpoint()
            done = due
            await anyio.sleep(_TICK)

    def _open_and_reset(self, channel: DataChannel) -> None:
        # Where the connection has as many as it may have, or the peer takes no more, nothing happens.
        if channel.writable_bytes > 0:
            channel.send([*encode_data(_OPENING), encode_flag(Flag.RESET_STREAM)])
            channel.close()
            self.opened += 1

    async def _read(self) -> None:
        """Read one byte a second of each transfer."""
        while True:
            for trickle in self._live.values():
                if trickle is not None:
                    trickle.read()
            await anyio.sleep(1)


class Trickle:
    """A large transfer whose reader takes his time."""

    def __init__(self, channel: DataChannel) -> None:
        self.bytes = 0
        """How many have come."""
        self._channel = channel
        channel.observer = self
        channel.send([*encode_data(_OPENING + _TRANSFER.to_bytes(8, "big")), encode_flag(Flag.FIN)])

    def read(self) -> None:
        """Read one byte."""
        self._channel.consumed(1)

    def data_received(self, data: bytes) -> int:
        """Let it lie."""
        self.bytes += len(data)
        return 0

    def channel_writable(self) -> None:
        """Nothing more is written."""

    def channel_closed(self) -> None:
        """The listener has had enough of it."""


def _emit(**event: Any) -> None:
    print(json.dumps(event), flush=True)


def main() -> int:
    """Attack as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("address")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--rate", type=float, default=400.0, help="streams a second of each connection")
    parser.add_argument("--seconds", type=float, default=10.0, help="once all are connected")
    parser.add_argument("--ips", nargs="+", help="dial these in turn, in place of the address's own")
    options = parser.parse_args()
    target = WebRtcDirectAddress.parse(options.address)
    ips = [ip_address(each) for each in options.ips or [str(target.ip)]]
    anyio.run(Attackers([replace(target, ip=ip) for ip in ips], options).run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
