"""Listen until Ctrl-C or SIGTERM, and tell everybody who is connected at once."""

import signal

import anyio

import webrtc_direct


async def main() -> None:
    """Serve until a signal asks to end. What follows it is bounded by Limits.close_timeout."""
    address = "/ip4/127.0.0.1/udp/0/webrtc-direct"
    handlers = {"/echo/1.0.0": webrtc_direct.echo_handler}
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with webrtc_direct.listen(address, handlers=handlers) as listener:
            print(listener.addresses[0], flush=True)
            async for _ in signals:
                break


if __name__ == "__main__":
    anyio.run(main)
