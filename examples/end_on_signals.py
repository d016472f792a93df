"""Listen until Ctrl-C or SIGTERM, then close every connection at once."""

import anyio

import webrtc_direct


async def main() -> None:
    """Serve until a signal comes. Closing then takes at most Limits.close_timeout."""
    async with webrtc_direct.Node(handlers={"/echo/1.0.0": webrtc_direct.echo_handler}) as node:
        listener = await node.listen("/ip4/127.0.0.1/udp/0/webrtc-direct")
        print(listener.addresses[0], flush=True)
        await node.serve_forever()


if __name__ == "__main__":
    anyio.run(main)
