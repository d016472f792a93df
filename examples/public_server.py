"""A server with its own limits that prints a report every minute: `python public_server.py PORT`."""

import sys
from contextlib import suppress

import anyio

from webrtc_direct import Limits, echo_handler, listen

LIMITS = Limits(
    max_connections=200,
    max_connections_per_address=4,
    connections_per_second=20,
    max_channels=16,
    unread_bytes=256 * 1024,
    unread_bytes_process=32 * 1024 * 1024,
    idle_timeout=300,
)
SECONDS_BETWEEN_REPORTS = 60


async def main(port: str) -> None:
    """Serve echo, and print reports."""
    address = f"/ip4/0.0.0.0/udp/{port}/webrtc-direct"
    async with listen(address, limits=LIMITS, handlers={"/echo/1.0.0": echo_handler}) as listener:
        print(listener.addresses[0], flush=True)
        while True:
            counters = listener.counters()
            print(f"{len(listener.connections)} connections, {counters.handshakes} handshakes in progress")
            print(
                f"refused by limits: {listener.refusals}; dropped: {counters.unauthentic} forged", flush=True
            )
            await anyio.sleep(SECONDS_BETWEEN_REPORTS)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main, sys.argv[1])
