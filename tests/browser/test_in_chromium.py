"""Python in a page of Chromium dials our listener and go's."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.slow

chromium: Any = importlib.import_module("chromium")
SCENARIOS: Any = importlib.import_module("scenarios").SCENARIOS

SCENARIO = """
from functools import partial
import scenarios, webrtc_direct
await scenarios.SCENARIOS[name](partial(webrtc_direct.dial, version=version), address)
json.dumps(True)
"""
# One dial: which version connected, or what was raised.
OUTCOME = """
import webrtc_direct
try:
    async with webrtc_direct.dial(address, version=version, timeout=timeout) as connection:
        await webrtc_direct.ping(connection)
        outcome = connection.version
except webrtc_direct.WebRtcDirectError as error:
    outcome = f"{type(error).__name__}: {error}"
json.dumps(outcome)
"""
LATE_TIMER = """
import anyio, asyncio, webrtc_direct
async with webrtc_direct.dial(address):
    pass
fired = anyio.Event()
loop = asyncio.get_running_loop()
loop.call_at(loop.time() - 0.001, fired.set)
with anyio.fail_after(10):
    await fired.wait()
json.dumps(True)
"""
REFUSED = "VersionNotPossible: v1 is not possible here: the browser refuses the ICE credentials that v1 needs"


@pytest.fixture(params=["ours", "go"])
def listener(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, page: Any, listener: Any) -> None:
    page.run(SCENARIO, name=name, version="auto", address=listener.address)


def test_a_timer_that_is_late_already_still_fires(page: Any, ours: Any) -> None:
    """anyio sets one when a browser's timer comes early; refused, as Pyodide does, the timeout is lost."""
    assert page.run(LATE_TIMER, address=ours.address) is True


def test_the_example_greets_an_echo_server(page: Any, listener: Any) -> None:
    code = """
import program, webrtc_direct
async with webrtc_direct.dial(address) as connection:
    said = await program.greet(connection)
json.dumps(said)
"""
    assert page.run(code, address=listener.address) == "hello, world"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_each_version_moves_data(version: str, page: Any, listener: Any) -> None:
    name = "echoes_a_mebibyte_on_each_of_four_streams"
    page.run(SCENARIO, name=name, version=version, address=listener.address)


@pytest.mark.parametrize(("version", "connected"), [("auto", "v2"), ("v2", "v2"), ("v1", "v1")])
def test_v2_is_what_auto_means(version: str, connected: str, page: Any, listener: Any) -> None:
    assert page.run(OUTCOME, address=listener.address, version=version, timeout=10) == connected


@pytest.mark.parametrize("version", ["auto", "v2"])
def test_v2_needs_no_munging(version: str, page_without_munging: Any, listener: Any) -> None:
    outcome = page_without_munging.run(OUTCOME, address=listener.address, version=version, timeout=10)
    assert outcome == "v2"


def test_a_refused_munging_says_so(page_without_munging: Any, ours: Any) -> None:
    outcome = page_without_munging.run(OUTCOME, address=ours.address, version="v1", timeout=10)
    assert outcome.startswith(REFUSED)
    assert "SDP is modified" in outcome


def test_a_refused_munging_is_why_a_listener_without_v2_is_not_reached(
    page_without_munging: Any, ours: Any
) -> None:
    # A port where nobody answers looks to v2 as a listener does that knows v1 alone.
    dead = ours.address.replace(ours.address.split("/")[4], "9")
    outcome = page_without_munging.run(OUTCOME, address=dead, version="auto", timeout=2)
    assert outcome.startswith(REFUSED)
    alone = page_without_munging.run(OUTCOME, address=dead, version="v2", timeout=1)
    assert alone.startswith("HandshakeTimeout: no answer in 1 s (step: ice) from 127.0.0.1 port 9; is")


def test_a_listener_in_a_browser_is_a_clear_error(page: Any) -> None:
    code = """
import webrtc_direct
try:
    async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct"):
        pass
except webrtc_direct.LocalProtocolError as error:
    outcome = str(error)
json.dumps(outcome)
"""
    assert "a browser cannot listen" in page.run(code)


def test_where_there_is_no_webrtc_an_error_says_so(browser: Any, ours: Any) -> None:
    page = browser.open()
    try:
        # As in a worker and in Node.js.
        page.script("delete window.RTCPeerConnection")
        outcome = page.run(OUTCOME, address=ours.address, version="auto", timeout=10)
    finally:
        page.close()
    assert outcome == "LocalProtocolError: only pages have RTCPeerConnection, workers and Node.js do not"


def test_a_certificate_of_somebody_else_s_making_is_refused(page: Any, ours: Any) -> None:
    code = """
import webrtc_direct
class Made:
    fingerprint = webrtc_direct.Fingerprint(bytes(32))
try:
    async with webrtc_direct.dial(address, certificate=Made()):
        pass
except webrtc_direct.LocalProtocolError as error:
    outcome = str(error)
json.dumps(outcome)
"""
    assert "can only use certificates that it made itself" in page.run(code, address=ours.address)


def test_webcrypto_does_what_it_can_and_python_the_rest(page: Any, ours: Any) -> None:
    page.run(OUTCOME, address=ours.address, version="auto", timeout=10)
    used = page.run("from webrtc_direct import primitives\njson.dumps(primitives.in_use())")
    webcrypto = ("X25519", "Ed25519", "ChaCha20-Poly1305")
    assert used == {name: "WebCrypto" for name in webcrypto} | {"ECDSA": "Python", "RSA": "Python"}


def test_a_key_that_is_given_up_while_it_is_made_spoils_no_other(browser: Any) -> None:
    # While it waits for what all keys of a page share.
    code = """
import asyncio
from webrtc_direct import primitives
from webrtc_direct.primitives import browser
begin = browser._import_x25519
def begin_and_give_up(public):
    first.cancel()
    return begin(public)
browser._import_x25519 = begin_and_give_up
first = asyncio.ensure_future(primitives.x25519_key(b"k" * 32))
await asyncio.wait([first])
assert first.cancelled()
browser._import_x25519 = begin
key = await primitives.x25519_key(b"k" * 32)
json.dumps(len(key.public))
"""
    page = browser.open()
    try:
        assert page.run(code) == 32
    finally:
        page.close()


def test_a_browser_whose_webcrypto_lacks_all_of_it_connects_too(browser: Any, listener: Any) -> None:
    page = browser.open()
    try:
        page.script("Object.defineProperty(crypto, 'subtle', {value: undefined}); true")
        page.script("delete Crypto.prototype.subtle; true")
        assert page.run(OUTCOME, address=listener.address, version="auto", timeout=10) == "v2"
        used = page.run("from webrtc_direct import primitives\njson.dumps(primitives.in_use())")
        assert set(used.values()) == {"Python"}
    finally:
        page.close()


def test_an_unknown_algorithm_of_webcrypto_is_python_s(browser: Any, ours: Any) -> None:
    page = browser.open()
    try:
        page.script(
            """const real = crypto.subtle.importKey.bind(crypto.subtle)
            crypto.subtle.importKey = (format, data, algorithm, ...rest) => algorithm === 'ChaCha20-Poly1305'
              ? Promise.reject(new DOMException('unknown', 'NotSupportedError'))
              : real(format, data, algorithm, ...rest); true"""
        )
        assert page.run(OUTCOME, address=ours.address, version="auto", timeout=10) == "v2"
        used = page.run("from webrtc_direct import primitives\njson.dumps(primitives.in_use())")
        assert used["ChaCha20-Poly1305"] == "Python"
        assert used["X25519"] == "WebCrypto"
    finally:
        page.close()


def test_a_stream_that_nobody_reads_is_reset_and_the_others_go_on(page: Any, ours: Any) -> None:
    # With go's listener the association ends at times when a browser closes a channel that go fills.
    code = """
import asyncio, webrtc_direct
limits = webrtc_direct.Limits(unread_bytes_in_browser=1 << 20)
async with webrtc_direct.dial(address, limits=limits) as connection:
    stream = await connection.open_stream("/perf/1.0.0")
    await stream.write((64 << 20).to_bytes(8, "big"))
    await stream.close_write()
    while not connection.refusals:
        await asyncio.sleep(0.01)
    try:
        await stream.read()
    except webrtc_direct.StreamReset as error:
        problem = str(error)
    await webrtc_direct.ping(connection)
json.dumps([problem, connection.refusals])
"""
    problem, refusals = page.run(code, address=ours.address)
    assert "a browser cannot slow down" in problem
    assert refusals == {"unread_bytes_in_browser": 1}


def test_two_hundred_dials_in_one_page_leave_nothing(browser: Any, ours: Any) -> None:
    """The heaps of JavaScript and of Python do not grow with the dials."""
    page = browser.open()
    # A timer that is cancelled stays in Pyodide's loop until it would have been due.
    code = """
import asyncio, gc, webrtc_direct
limits = webrtc_direct.Limits(handshake_timeout=5, noise_timeout=5, negotiation_timeout=5, fin_ack_timeout=5)
for _ in range(count):
    async with webrtc_direct.dial(address, limits=limits) as connection:
        async with connection.open_stream("/echo/1.0.0") as stream:
            await stream.write(b"hello")
            assert await stream.read_exactly(5) == b"hello"
await asyncio.sleep(6)
gc.collect()
json.dumps(len(gc.get_objects()))
"""
    try:
        objects, heap = page.run(code, count=20, address=ours.address), page.heap()
        objects_after, heap_after = page.run(code, count=200, address=ours.address), page.heap()
    finally:
        page.close()
    grown = f"{objects_after - objects:+} Python objects, {heap_after - heap:+} bytes of JavaScript"
    print(f"200 dials: {grown}")
    assert objects_after - objects < 200
    assert heap_after - heap < 200 * 1000


def test_a_tab_closed_in_the_middle_of_a_transfer_is_noticed(browser: Any, ours: Any) -> None:
    page = browser.open()
    running = page.start(
        """
import webrtc_direct
async with webrtc_direct.dial(address) as connection:
    await webrtc_direct.perf(connection, upload=1 << 40)
json.dumps(None)
""",
        address=ours.address,
    )
    connected = ours.expect("connected")
    page.close()
    with pytest.raises(chromium.PageError):
        page.finish(running)
    while ours.expect("disconnected")["remote"] != connected["remote"]:
        pass


def test_a_listener_that_vanishes_ends_the_connection(page: Any) -> None:
    peer = str(chromium.ROOT / "interop" / "python_peer.py")
    with chromium.ListenerProcess(sys.executable, peer) as listener:
        running = page.start(
            """
import time, webrtc_direct
limits = webrtc_direct.Limits(silence_timeout=7)
async with webrtc_direct.dial(address, limits=limits) as connection:
    started = time.perf_counter()
    try:
        stream = await connection.open_stream("/echo/1.0.0")
        await stream.read()
    except webrtc_direct.ConnectionLost as error:
        outcome = error.reason.kind.value, time.perf_counter() - started
json.dumps(outcome)
""",
            address=listener.address,
        )
        listener.expect("connected")
        os.kill(listener.pid, signal.SIGSTOP)
        kind, seconds = page.finish(running)
        assert kind == "timeout"
        # A browser says that it hears nothing after 5 s or so, and our own bound ends it.
        assert 5 < seconds < 14
