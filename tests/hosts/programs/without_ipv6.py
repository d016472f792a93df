"""A container without IPv6: the loopback interface of a new network namespace is all there is.

Run it by ``unshare --user --map-root-user --net``; with words, it is the command ``webrtc-direct``.
"""

import asyncio
import errno
import fcntl
import socket
import struct
import sys
from pathlib import Path

from hello import ADDRESS, HANDLERS, dial_and_greet, main

import webrtc_direct
from webrtc_direct.cli.main import main as command

# <linux/sockios.h>, <linux/if.h>
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
IP6_ADDRESS = "/ip6/::1/udp/0/webrtc-direct"


def prepare() -> None:
    """Switch the interface on, and IPv6 off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        fcntl.ioctl(anything, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    for switch in Path("/proc/sys/net/ipv6/conf").glob("*/disable_ipv6"):
        switch.write_text("1")


async def both_families() -> None:
    """Without IPv6 the listener of both fails and says where, or goes on with IPv4."""
    try:
        async with webrtc_direct.listen([ADDRESS, IP6_ADDRESS]):
            print("bound")
    except OSError as error:
        print(errno.errorcode[error.errno or 0], error.filename)
    async with webrtc_direct.listen(
        [ADDRESS, IP6_ADDRESS], allow_missing=True, handlers=HANDLERS
    ) as listener:
        print(*listener.missing)
        print(*[await dial_and_greet(address) for address in listener.addresses])


if __name__ == "__main__":
    prepare()
    if sys.argv[1:]:
        command()
    asyncio.run(main())
    asyncio.run(both_families())
