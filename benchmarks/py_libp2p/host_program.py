"""A host of py-libp2p with one transport: ``serve TRANSPORT``, or ``measure TRANSPORT ADDRESS``.

The first prints its address, and serves until its input ends. The second prints what it has measured as JSON.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.transport.quic.transport import QUICTransport
from libp2p.transport.tcp.tcp import TCP
from libp2p.transport.webrtc.transport import WebRTCDirectTransport
from multiaddr import Multiaddr

from webrtc_direct.libp2p import WebRtcDirect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from libp2p.abc import IHost, INetStream, ITransport
    from libp2p.crypto.keys import KeyPair
    from libp2p.peer.peerinfo import PeerInfo

PING = "/ipfs/ping/1.0.0"
UPLOAD, DOWNLOAD, REPORT = (f"/measure/{name}/1.0.0" for name in ("upload", "download", "report"))
# By the name on the command line: how to make it, and what to listen on.
TRANSPORTS: dict[str, tuple[Callable[[KeyPair], ITransport], str]] = {
    "webrtc-direct": (WebRtcDirect, "/ip4/127.0.0.1/udp/0/webrtc-direct"),
    "tcp": (lambda _: TCP(), "/ip4/127.0.0.1/tcp/0"),
    "quic": (lambda keys: QUICTransport(keys.private_key), "/ip4/127.0.0.1/udp/0/quic-v1"),
    "built-in": (
        lambda keys: WebRTCDirectTransport(private_key=keys.private_key),
        "/ip4/127.0.0.1/udp/0/webrtc-direct",
    ),
}
BLOCK = bytes(65536)
TRANSFER_SECONDS = 3.0
CONNECTS, PINGS = 20, 200
# Between two connections.
PAUSE_SECONDS = 0.1
# What does not end by then is not measured.
STEP_SECONDS = 40.0


async def read_to_the_end(stream: INetStream) -> int:
    """Return how many bytes came."""
    count = 0
    while True:
        try:
            count += len(await stream.read(len(BLOCK)))
        except StreamError:
            # Not each transport says StreamEOF.
            return count


async def write_for_some_time(stream: INetStream) -> None:
    """Write as fast as it goes, and end."""
    end = trio.current_time() + TRANSFER_SECONDS
    while trio.current_time() < end:
        await stream.write(BLOCK)
    await stream.close()


class Serving:
    """What the handlers know."""

    def __init__(self) -> None:
        self._uploaded = 0
        self._all_came = trio.Event()

    async def take_upload(self, stream: INetStream) -> None:
        """Count what comes."""
        self._uploaded = await read_to_the_end(stream)
        self._all_came.set()
        await stream.close()

    async def give_download(self, stream: INetStream) -> None:
        """Send when asked to."""
        await stream.read(1)
        await write_for_some_time(stream)

    async def report(self, stream: INetStream) -> None:
        """Say how much was uploaded, and how much of the memory this process has."""
        await stream.read(1)
        await self._all_came.wait()
        with open("/proc/self/statm") as file:  # noqa: ASYNC230 - it is no file of a disk
            pages = int(file.read().split()[1])
        await stream.write(json.dumps([self._uploaded, pages * os.sysconf("SC_PAGE_SIZE")]).encode())
        await stream.close()


def make_host(name: str) -> IHost:
    """Return a host that has this transport and no other."""
    keys = create_new_key_pair()
    return new_host(key_pair=keys, transports=[TRANSPORTS[name][0](keys)])


async def serve(name: str) -> None:
    """Listen until the input ends."""
    host = make_host(name)
    serving = Serving()
    host.set_stream_handler(UPLOAD, serving.take_upload)
    host.set_stream_handler(DOWNLOAD, serving.give_download)
    host.set_stream_handler(REPORT, serving.report)
    async with host.run(listen_addrs=[Multiaddr(TRANSPORTS[name][1])]):
        print(host.get_addrs()[0], flush=True)
        await trio.to_thread.run_sync(sys.stdin.read)
        # What is still open is of no interest.
        os._exit(0)


class Measuring:
    """A host that measures the one at *info*."""

    def __init__(self, host: IHost, info: PeerInfo) -> None:
        self._host = host
        self._info = info
        self.results: dict[str, float | None] = {}

    async def measure(self) -> None:
        """Measure all, as far as it works."""
        await self._host.connect(self._info)
        steps = [self.ping_ms, self.upload, self.download, self.memory, self.connect_ms]
        for step in steps:
            result = None
            with trio.move_on_after(STEP_SECONDS):
                result = await self._or_nothing(step)
            self.results[step.__name__] = result

    async def _or_nothing(self, step: Callable[[], Awaitable[float]]) -> float | None:
        try:
            return await step()
        except Exception as error:  # noqa: BLE001 - whatever a transport fails with is a result
            print(f"{step.__name__}: {error!r}", file=sys.stderr)
            return None

    async def connect_ms(self) -> float:
        """The time from the dial to an authenticated connection, for connections one after the other."""
        times = []
        for _ in range(CONNECTS):
            await self._host.disconnect(self._info.peer_id)
            await trio.sleep(PAUSE_SECONDS)
            start = time.perf_counter()
            # Not ``connect``: that waits a quarter of a second with any transport.
            await self._host.get_network().dial_addr(self._info.addrs[0], self._info.peer_id)
            times.append((time.perf_counter() - start) * 1000)
        return statistics.median(times)

    async def ping_ms(self) -> float:
        """The round trip of 32 bytes. py-libp2p's own client counts whole milliseconds."""
        stream = await self._open(PING)
        times = []
        for _ in range(PINGS):
            start = time.perf_counter()
            await stream.write(bytes(32))
            await stream.read(32)
            times.append((time.perf_counter() - start) * 1000)
        await stream.close()
        return statistics.median(times)

    async def upload(self) -> float:
        """MB/s that arrive at the other host, with the time until it says so."""
        stream = await self._open(UPLOAD)
        start = time.perf_counter()
        await write_for_some_time(stream)
        count, _ = await self._report()
        return count / (time.perf_counter() - start) / 1e6

    async def download(self) -> float:
        """MB/s that arrive here."""
        stream = await self._open(DOWNLOAD)
        start = time.perf_counter()
        await stream.write(b"x")
        count = await read_to_the_end(stream)
        return count / (time.perf_counter() - start) / 1e6

    async def memory(self) -> float:
        """MB of memory of the other host, after all of that."""
        _, size = await self._report()
        return size / 1e6

    async def _report(self) -> tuple[int, int]:
        stream = await self._open(REPORT)
        await stream.write(b"x")
        uploaded, memory = json.loads(await stream.read(100))
        return uploaded, memory

    async def _open(self, protocol: str) -> INetStream:
        return await self._host.new_stream(self._info.peer_id, [protocol])


async def measure(name: str, address: str) -> None:
    """Print the results."""
    host = make_host(name)
    async with host.run(listen_addrs=[]):
        measuring = Measuring(host, info_from_p2p_addr(Multiaddr(address)))
        await measuring.measure()
        print(json.dumps(measuring.results), flush=True)
        os._exit(0)


# What goes wrong shows in the results.
logging.disable()
commands: dict[str, Any] = {"serve": serve, "measure": measure}
trio.run(commands[sys.argv[1]], *sys.argv[2:])
