"""What is tried in a network of its own, where the loopback interface is all there is.

Run it by ``unshare --user --map-root-user --net``, with what to do and the event loop.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
import time

import anyio

import webrtc_direct
from webrtc_direct import Certificate, HandshakeError, KeyPair, echo_handler

# <linux/sockios.h>, <linux/if.h>
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFMTU, IFF_UP = 0x8914, 0x8916, 0x8922, 1
LOOPBACK = 1
LINK_LOCAL = "fe80::1"
PROOF = f"certhash/{Certificate.generate().fingerprint.certhash}/p2p/{KeyPair.generate().peer_id}"


def prepare() -> None:
    """Switch the interface on, and give it a link-local address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        fcntl.ioctl(anything, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as anything:
        address = socket.inet_pton(socket.AF_INET6, LINK_LOCAL)
        fcntl.ioctl(anything, SIOCSIFADDR, address + struct.pack("Ii", 64, LOOPBACK))


async def cannot_send() -> list[object]:
    """Dial where there is no way to: the error, its number and address, and whether it came at once."""
    answers: list[object] = []
    for ip in ("ip4/192.0.2.7", "ip4/127.255.255.255", "ip6/2001:db8::1"):
        for version in ("auto", "v2"):
            started = time.monotonic()
            try:
                async with webrtc_direct.dial(f"/{ip}/udp/4001/webrtc-direct/{PROOF}", version=version):
                    answers.append("connected")
            except webrtc_direct.CannotSend as error:
                answers.append([isinstance(error, HandshakeError), error.errno, error.address])
            # Less than the wait before the other version is tried.
            answers.append(time.monotonic() - started < 5)
    return answers


async def link_local() -> list[object]:
    """Listen and dial on a link-local address, its zone by name and by number: what each end sees."""
    answers: list[object] = []
    for zone in ("lo", str(LOOPBACK)):
        address = f"/ip6zone/{zone}/ip6/{LINK_LOCAL}/udp/0/webrtc-direct"
        async with webrtc_direct.listen(address, handlers={"/echo": echo_handler}) as listener:
            port = listener.bound[0][1]
            assert listener.addresses[0].startswith(address.replace("/0/", f"/{port}/"))
            async with webrtc_direct.dial(f" {listener.addresses[0]}\n") as connection:
                async with connection.open_stream("/echo") as stream:
                    await stream.write(b"hello")
                    await stream.close_write()
                    answers.append((await stream.read(5)).decode())
                (server,) = listener.connections
                answers += [connection.remote == ("fe80::1%lo", port), server.remote[0]]
                told = await webrtc_direct.identify(connection)
                answers += [str(told.observed_address).split("/udp")[0]]
                answers += [each.split("/udp")[0] for each in told.listen_addresses]
    return answers


async def small_mtu() -> list[object]:
    """Move 2 MB each way where the interface takes packets of so many bytes: how much came back."""
    answers: list[object] = []
    for mtu in (1200, 1000, 576):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
            fcntl.ioctl(anything, SIOCSIFMTU, struct.pack("16si12x", b"lo", mtu))
        address = "/ip4/127.0.0.1/udp/0/webrtc-direct"
        async with (
            webrtc_direct.listen(address, handlers={"/echo": echo_handler}) as listener,
            webrtc_direct.dial(listener.addresses[0]) as connection,
            connection.open_stream("/echo") as stream,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(say, stream)
            answers.append(sum([len(data) async for data in stream]))
    return answers


async def say(stream: webrtc_direct.Stream) -> None:
    """Write 2 MB."""
    await stream.write(bytes(2_000_000))
    await stream.close_write()


if __name__ == "__main__":
    prepare()
    what = {"cannot_send": cannot_send, "link_local": link_local, "small_mtu": small_mtu}[sys.argv[1]]
    print(json.dumps(anyio.run(what, backend=sys.argv[2])))
