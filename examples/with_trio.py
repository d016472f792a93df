"""Under trio there is nothing to configure, and trio's own nurseries and timeouts work."""

import trio

import webrtc_direct


async def main() -> None:
    """Ping a listener in this process over three connections at once."""
    round_trips: list[float] = []

    async def measure(address: str) -> None:
        async with webrtc_direct.dial(address) as connection:
            round_trips.append(await webrtc_direct.ping(connection))

    with trio.fail_after(30):
        async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct") as listener:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(measure, listener.addresses[0])
    print(f"{len(round_trips)} round trips, the longest {1000 * max(round_trips):.1f} ms")


if __name__ == "__main__":
    trio.run(main)
