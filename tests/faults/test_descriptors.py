"""Without a descriptor left, dialing and listening fail with a clear OSError, and what is there goes on."""

from __future__ import annotations

import errno
import gc
import sys

import anyio
import pytest
from tests.faults.support import ADDRESS, descriptors
from tests.support import SECONDS, settled

import webrtc_direct

PROGRAM = """
import errno, gc, os, resource, sys
import anyio
import webrtc_direct
from webrtc_direct import echo_handler, ping

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"

def used():
    return len(os.listdir("/proc/self/fd")) - 1

def restrict(more):
    # No descriptor beyond the highest of now, and all below in use, but for so many.
    gaps = []
    while True:
        try:
            gaps.append(os.dup(0))
        except OSError as error:
            assert error.errno == errno.EMFILE
            break
    for _ in range(more):
        os.close(gaps.pop())
    return gaps

def release(gaps):
    for each in gaps:
        os.close(each)

async def refused(kind, address):
    try:
        if kind == "dial":
            async with webrtc_direct.dial(address, timeout=5):
                return False
        async with webrtc_direct.listen([ADDRESS, ADDRESS]):
            return False
    except OSError as error:
        assert "open files" in str(error), error
        return True

async def main():
    # Before any engine runs: the thread's own descriptors may be those that are missing.
    for kind in ("dial", "listen"):
        certhash = webrtc_direct.Certificate.generate().fingerprint.certhash
        peer_id = webrtc_direct.KeyPair.generate().peer_id
        address = f"/ip4/127.0.0.1/udp/9/webrtc-direct/certhash/{certhash}/p2p/{peer_id}"
        before = used()
        refusals = 0
        for more in range(12):
            gaps = restrict(more)
            try:
                if kind == "listen":
                    refusals += await refused(kind, address)
                elif more < 3:
                    refusals += await refused(kind, address)
            finally:
                release(gaps)
            with anyio.fail_after(10):
                while used() > before:
                    gc.collect()
                    await anyio.sleep(0.01)
        assert refusals >= 3, (kind, refusals)

    # Beside connections that live.
    async with webrtc_direct.listen(ADDRESS, handlers={"/echo": echo_handler}) as listener:
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            stream = await connection.open_stream("/echo")
            before = used()
            for kind in ("dial", "listen"):
                for more in range(2):
                    gaps = restrict(more)
                    try:
                        assert await refused(kind, listener.addresses[0]), (kind, more)
                        assert await ping(connection) > 0
                        await stream.write(b"x" * 100_000)
                        assert await stream.read_exactly(100_000)
                        # Streams need no descriptor.
                        for _ in range(20):
                            async with connection.open_stream("/echo") as another:
                                await another.write(b"y")
                                assert await another.read() == b"y"
                    finally:
                        release(gaps)
                    assert used() == before, (used(), before)
            # Nor does a listener need one for a connection that comes from another process.
            gaps = restrict(0)
            print(listener.addresses[0], flush=True)
            try:
                with anyio.fail_after(20):
                    while len(listener.connections) < 2:
                        await anyio.sleep(0.01)
                    for each in listener.connections:
                        assert await ping(each) > 0
            finally:
                release(gaps)
            async with webrtc_direct.dial(listener.addresses[0]) as again:
                assert await ping(again) > 0
    print("done", flush=True)

resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
anyio.run(main, backend=sys.argv[1])
"""

DIALER = """
import sys, anyio, webrtc_direct
async def main():
    with anyio.fail_after(20):
        async with webrtc_direct.dial(sys.argv[1]) as connection:
            await connection.wait_closed()
anyio.run(main)
"""


async def test_without_descriptors_dial_and_listen_fail_and_the_rest_lives(anyio_backend_name: str) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, anyio_backend_name]
    with anyio.fail_after(2 * SECONDS):
        async with await anyio.open_process(command, stdin=None, stderr=None) as process:
            if process.stdout is None:
                raise AssertionError("its output is a pipe")
            output = b""
            while not output.endswith(b"\n"):
                output += await process.stdout.receive()
            dialer = [sys.executable, "-c", DIALER, output.decode().strip()]
            async with await anyio.open_process(dialer, stdin=None, stdout=None, stderr=None) as other:
                assert await process.wait() == 0
                assert await process.stdout.receive() == b"done\n"
                assert await other.wait() == 0


async def test_the_error_has_its_number() -> None:
    async with webrtc_direct.listen(ADDRESS) as listener:
        taken = listener.addresses[0].partition("/certhash")[0]
        with pytest.raises(OSError, match="use") as caught:
            async with webrtc_direct.listen(taken):
                pytest.fail("bound")
        assert caught.value.errno == errno.EADDRINUSE


async def test_a_listen_that_fails_returns_its_descriptors_at_once() -> None:
    # Not only with the next garbage collection: these are what has run out.
    gc.collect()
    gc.disable()
    try:
        before = descriptors()
        for _ in range(5):
            with pytest.raises(OSError, match="assign"):
                async with webrtc_direct.listen([ADDRESS, "/ip4/192.0.2.1/udp/0/webrtc-direct"]):
                    pytest.fail("bound to an address that this machine does not have")
        await settled(lambda: descriptors() <= before, "its descriptors are closed")
    finally:
        gc.enable()
