"""A container without IPv6: the loopback interface of a new network namespace is all there is.

Run it by ``unshare --user --map-root-user --net``.
"""

import asyncio
import fcntl
import socket
import struct
from pathlib import Path

from hello import main

# <linux/sockios.h>, <linux/if.h>
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def prepare() -> None:
    """Switch the interface on, and IPv6 off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        fcntl.ioctl(anything, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    for switch in Path("/proc/sys/net/ipv6/conf").glob("*/disable_ipv6"):
        switch.write_text("1")


if __name__ == "__main__":
    prepare()
    asyncio.run(main())
