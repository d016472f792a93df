"""The examples run. ``tests/docs/test_shown_code.py`` compares them with the pages that show them."""

from __future__ import annotations

import re
import secrets
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from tests.support import unused_port

import webrtc_direct

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SCREEN_LINES = 45
# Generous, so that a busy machine does not fail a test.
SECONDS = 60


def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run an example to its end."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@contextmanager
def running(name: str, *words: str) -> Iterator[Iterator[str]]:
    """Run an example that goes on for ever, and give its lines."""
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield (line.strip() for line in process.stdout)
        finally:
            process.kill()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_echo_client_greets_the_echo_server(backend: str) -> None:
    with running("echo_server.py") as lines:
        client = subprocess.run(
            [sys.executable, "-c", RUN, str(EXAMPLES / "echo_client.py"), next(lines), backend],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert client.stderr == ""
    assert client.stdout.endswith("hello, world\n")
    assert "round trip" in client.stdout


def test_both_ends_say_hello() -> None:
    done = run("hello.py")
    assert (done.stdout, done.stderr) == ("b'hello'\n", "")


def test_a_light_client_finds_a_peer_that_knows_its_chain() -> None:
    genesis = "00" * 32
    handshake = bytes([69, 2]) + bytes(range(68))

    async def announce(address: str) -> bytes:
        async with (
            webrtc_direct.dial(address) as connection,
            connection.open_stream(f"/{genesis}/block-announces/1") as stream,
        ):
            await stream.write(handshake)
            return await stream.read_exactly(len(handshake))

    with running("smoldot_peer.py", genesis) as lines:
        answer = anyio.run(announce, next(lines))
    # The same again, but as a full node.
    assert answer == bytes([69, 1]) + bytes(range(68))


def test_an_address_is_kept(tmp_path: Path) -> None:
    port = str(unused_port())
    addresses = []
    for _ in range(2):
        with running("keep_address.py", str(tmp_path), port) as lines:
            addresses.append(next(lines))
    assert addresses[0] == addresses[1]
    assert f"/udp/{port}/" in addresses[0]
    assert {path.name for path in tmp_path.iterdir()} == {"identity.key", "certificate.pem"}


def test_a_protocol_is_served() -> None:
    done = run("serve_a_protocol.py")
    assert done.stderr == ""
    assert done.stdout == ("HELLO\nagreed on /example/upper/1.0.0\n")


def test_code_for_asyncio_s_streams_serves_a_stream() -> None:
    done = run("asyncio_lines.py")
    assert (done.stderr, done.stdout) == ("", "HELLO\nWORLD\n")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_chat_calls_and_files(backend: str, tmp_path: Path) -> None:
    def run(name: str, *words: str) -> str:
        program = [sys.executable, "-c", RUN_BOTH, str(EXAMPLES / name), backend, *words]
        done = subprocess.run(program, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.stderr == ""
        return done.stdout

    lines = [b"welcome\n", b"hello, otto\n", b"hello, anna\n"]
    assert run("chat.py") == "".join(f"{[line] * 2}\n" for line in lines)
    assert run("rpc.py") == "6\nno answer in time\n"
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(secrets.token_bytes(3_000_000))
    assert run("files.py", str(source), str(copy)).count("bytes are here: the connection ended (remote)") == 1
    assert copy.read_bytes() == source.read_bytes()


def test_several_addresses_and_the_announced_ones() -> None:
    with running("several_addresses.py", "0") as lines:
        shown = [next(lines) for _ in range(6)]
    assert re.fullmatch(r"bound to 0\.0\.0\.0 port \d+ :: port \d+ announced", " ".join(shown[:4]))
    assert shown[4].startswith("/ip4/203.0.113.7/udp/4001/webrtc-direct/certhash/")
    assert shown[5].startswith("/ip6/2001:db8::7/udp/4001/webrtc-direct/certhash/")


def test_a_public_server_reports() -> None:
    with running("public_server.py", "0") as lines:
        assert next(lines).startswith("/ip4/")
        assert next(lines) == "0 connections, 0 handshakes in progress"
        assert next(lines) == "refused by limits: {}; dropped: 0 forged"


def test_errors_are_told_apart() -> None:
    with running("echo_server.py") as lines:
        address = next(lines)
        assert "round trip" in run("errors.py", address).stdout
        start, _, peer_id = address.rpartition("/p2p/")
        other = f"{start}/p2p/12D3KooWNe8rNSxWvaBJQwfJvesmUdYCxEJ7rGLSKppCGAsFSe3H"
        assert run("errors.py", other).stdout.startswith(f"somebody else answered: {peer_id} in place of")
    # The listener is gone, and nobody has its port.
    assert run("errors.py", address).stdout == "nobody answered in 5 s; the step was ice\n"
    assert run("errors.py", start.partition("/certhash")[0]).stdout.startswith(
        "not an address to dial: certhash"
    )


def test_tests_on_the_memory_platform_pass(tmp_path: Path) -> None:
    options = ("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, str(EXAMPLES / "test_on_memory.py")],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Two tests, each under asyncio and trio.
    assert "4 passed" in done.stdout


def test_the_log_names_the_handler_that_failed() -> None:
    done = run("debug_log.py")
    assert done.stdout == "the peer reset the stream\n"
    assert done.stderr.count("RuntimeError: a bug in the handler of /broken/1") == 1
    assert "ERROR webrtc_direct.connection" in done.stderr
    assert "INFO webrtc_direct.connection" in done.stderr


def test_trio_needs_nothing_special() -> None:
    done = run("with_trio.py")
    assert done.stderr == ""
    assert done.stdout.startswith("3 round trips, the longest ")


def test_each_example_fits_on_a_screen() -> None:
    for example in EXAMPLES.glob("*.py"):
        assert len(example.read_text(encoding="utf-8").splitlines()) <= SCREEN_LINES, example.name


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_signal_ends_a_listener_and_tells_who_is_connected(
    number: signal.Signals, anyio_backend_name: str
) -> None:
    program = "import runpy, sys, anyio; anyio.run(runpy.run_path(sys.argv[1])['main'], backend=sys.argv[2])"
    path = str(EXAMPLES / "end_on_signals.py")
    async with await anyio.open_process(
        [sys.executable, "-c", program, path, anyio_backend_name]
    ) as listener:
        assert listener.stdout is not None
        assert listener.stderr is not None
        address = (await listener.stdout.receive()).decode().strip()
        async with webrtc_direct.dial(address) as connection:
            await webrtc_direct.ping(connection)
            listener.send_signal(number)
            with anyio.fail_after(5):
                reason = await connection.wait_closed()
        problems = b"".join([data async for data in listener.stderr])
        assert (reason.kind, await listener.wait(), problems) == (webrtc_direct.CloseKind.REMOTE, 0, b"")


RUN_BOTH = """
import runpy, sys, anyio
path, backend, *words = sys.argv[1:]
anyio.run(runpy.run_path(path)["main"], *words, backend=backend)
"""

# Runs an example's main with another event loop.
RUN = """
import runpy, sys, anyio
path, address, backend = sys.argv[1:]
anyio.run(runpy.run_path(path)["main"], address, backend=backend)
"""
