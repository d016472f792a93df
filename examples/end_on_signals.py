"""Listen until Ctrl-C or SIGTERM, and tell everybody who is connected at once."""

import anyio

import webrtc_direct


async def main() -> None:
    """Serve until a signal asks to end. What follows it is bounded by Limits.close_timeout."""
    async with webrtc_direct.Node(handlers={"/echo/1.0.0": webrtc_direct.echo_handler}) as node:
        listener = await node.listen("/ip4/127.0.0.1/udp/0/webrtc-direct")
        print(listener.addresses[0], flush=True)
        await node.serve_forever()


if __name__ == "__main__":
    anyio.run(main)
