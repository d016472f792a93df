"""The program that is py-libp2p in the matrix of ``interop/``: each step of a cell, with itself."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

INTEROP = Path(__file__).resolve().parents[3] / "interop"
sys.path.append(str(INTEROP))
judge, peers, work = map(importlib.import_module, ("judge", "peers", "work"))
PROGRAM = (sys.executable, str(INTEROP / "py_libp2p_peer.py"))
PEER = peers.Peer("py-libp2p", PROGRAM, agent="py-libp2p/")
SECONDS = 60.0


@pytest.mark.parametrize(
    ("version", "ip", "closer"), [("v1", "127.0.0.1", "dialer"), ("v2", "::1", "listener")]
)
def test_it_does_each_step_of_a_cell(version: str, ip: str, closer: str) -> None:
    little: Any = work.Work.quick().changed({"idle": 0.1})
    options = ["--version", version, *little.options(closer)]
    with PEER.listen(ip) as listener:
        result = PEER.dial(listener.address, options, timeout=SECONDS)
        assert listener.wait_for("disconnected", little.connections, timeout=judge.NOTICE_SECONDS)
    judged = judge.problems_of(result, listener, little, agent=PEER.agent, version=version, closer=closer)
    assert list(judged) == []
    assert listener.named("error") == []


def test_a_failed_dial_says_at_which_step_and_why() -> None:
    with PEER.listen("127.0.0.1") as listener:
        certhash = listener.address.split("/certhash/")[1].split("/")[0]
        wrong = listener.address.replace(certhash, "uEi" + "A" * 44)
        with pytest.raises(peers.PeerFailure, match=r"error: connect: .*certificate"):
            PEER.dial(wrong, [], timeout=SECONDS)


def test_what_fails_at_the_listener_is_an_event() -> None:
    """It reads on to the end when bytes are wrong, so the dialer is a stranger that sends others."""
    with PEER.listen("127.0.0.1") as listener:
        done = subprocess.run(
            [sys.executable, "-c", _STRANGER, listener.address], timeout=SECONDS, check=False
        )
        assert done.returncode == 0
        assert listener.wait_for("error", 1, timeout=SECONDS)
    (event,) = listener.named("error")
    assert event["protocol"] == "/interop/checked/1.0.0"
    assert event["error"] == "WrongContent: wrong bytes between 0 and 4"


def test_it_counts_when_it_is_asked_to() -> None:
    with subprocess.Popen([*PROGRAM, "listen"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "listening"
        process.send_signal(signal.SIGUSR1)
        assert json.loads(process.stdout.readline()) == {"event": "counts", "connections": 0, "streams": 0}
        process.terminate()
        assert process.wait(SECONDS) == 0


_STRANGER = """
import struct, sys, trio, webrtc_direct

async def main():
    async with webrtc_direct.dial(sys.argv[1]) as connection:
        async with connection.open_stream("/interop/checked/1.0.0") as stream:
            await stream.write(struct.pack(">QQQ", 4, 0, 1) + b"four")
            await stream.close_write()
            try:
                await stream.read(1)
            except webrtc_direct.StreamReset:
                return
            raise SystemExit("there was no reset")

trio.run(main)
"""
