"""Keep the address over restarts: `python keep_address.py FOLDER PORT`. The first run creates the files."""

import sys
from contextlib import suppress
from pathlib import Path

import anyio

from webrtc_direct import Certificate, KeyPair, echo_handler, listen


async def main(folder: str, port: str) -> None:
    """Listen with the identity and the certificate in *folder*."""
    identity = KeyPair.load_or_create(Path(folder, "identity.key"))
    certificate = Certificate.load_or_create(Path(folder, "certificate.pem"))
    async with listen(
        f"/ip4/127.0.0.1/udp/{port}/webrtc-direct",
        identity=identity,
        certificate=certificate,
        handlers={"/echo/1.0.0": echo_handler},
    ) as listener:
        print(listener.addresses[0], flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main, sys.argv[1], sys.argv[2])
