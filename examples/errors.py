"""Every failure is a WebRtcDirectError with attributes: `python errors.py MULTIADDR`."""

import sys

import anyio

from webrtc_direct import (
    AddressError,
    ConnectionLost,
    FingerprintMismatch,
    HandshakeTimeout,
    PeerIdMismatch,
    WebRtcDirectError,
    dial,
    ping,
)


async def main(address: str) -> None:
    """Dial, ping, and print what went wrong if anything did."""
    try:
        async with dial(address, timeout=5) as connection:
            print(f"round trip {1000 * await ping(connection):.2f} ms")
    except AddressError as error:
        print(f"not an address to dial: {error.component}: {error.problem}")
    except HandshakeTimeout as error:
        print(f"nobody answered in {error.seconds:g} s; the step was {error.step}")
    except (FingerprintMismatch, PeerIdMismatch) as error:
        print(f"somebody else answered: {error.received} in place of {error.expected}")
    except ConnectionLost as error:
        print(f"the connection ended: {error.reason.kind.value}, {error.reason.detail}")
    except WebRtcDirectError as error:
        print(f"it failed: {error}")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
