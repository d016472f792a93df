"""What the commands measure, against peers that do not behave; both ends in this process."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click
import pytest

import webrtc_direct
from webrtc_direct import RemoteProtocolError
from webrtc_direct.cli.dial import measure
from webrtc_direct.cli.ping import MAX_SAMPLES, Pings, run_pings
from webrtc_direct.cli.timeline import draw
from webrtc_direct.cli.transfer import compare_echo, shares, transfer
from webrtc_direct.platform.memory import MemoryNetwork, MemoryPlatform
from webrtc_direct.protocols.echo import ECHO_PROTOCOL, echo_handler
from webrtc_direct.protocols.identify import IDENTIFY_PROTOCOL
from webrtc_direct.protocols.perf import PERF_PROTOCOL, perf_handler
from webrtc_direct.protocols.ping import PING_BYTES, PING_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from webrtc_direct import Connection, Handler, Stream


@asynccontextmanager
async def connected_to(handlers: Mapping[str, Handler]) -> AsyncIterator[Connection]:
    """Dial a listener that serves *handlers*."""
    platform = MemoryPlatform(MemoryNetwork())
    address = "/ip4/127.0.0.1/udp/0/webrtc-direct"
    async with (
        webrtc_direct.listen(address, handlers=handlers, platform=platform) as listener,
        webrtc_direct.dial(listener.addresses[0], platform=platform) as connection,
    ):
        yield connection


async def never_answers(stream: Stream) -> None:
    while await stream.read():
        pass


async def answers_once(stream: Stream) -> None:
    await stream.write(await stream.read_exactly(PING_BYTES))


async def changes_a_byte(stream: Stream) -> None:
    data = bytearray(await stream.read_exactly(1000))
    data[700] ^= 1
    await stream.write(data)
    await echo_handler(stream)


async def loses_the_end(stream: Stream) -> None:
    await stream.write(await stream.read_exactly(1000))
    await never_answers(stream)


async def adds_a_byte(stream: Stream) -> None:
    await echo_handler(stream)
    await stream.write(b"!")


async def misleads(stream: Stream) -> None:
    agent = b"nice\x1b[2J\nagent\xe2\x80\xae"
    message = b"\x32" + bytes([len(agent)]) + agent + b"\x1a\x05/a\x07/b"
    await stream.write(bytes([len(message)]) + message)


async def test_pings_go_on_when_the_peer_ends_the_stream() -> None:
    pings = Pings(3, 0.0, 10.0)
    async with connected_to({PING_PROTOCOL: answers_once}) as connection:
        seen = [seconds async for seconds in run_pings(connection, pings)]
    assert len(seen) == 3
    assert (pings.lost, seen) == (0, list(pings.answered))


async def test_an_unanswered_ping_is_lost() -> None:
    pings = Pings(2, 0.0, 0.05)
    async with connected_to({PING_PROTOCOL: never_answers}) as connection:
        assert [seconds async for seconds in run_pings(connection, pings)] == [None, None]
    assert pings.lost == 2
    assert pings.summary() == {"min": None, "p50": None, "p95": None, "max": None}


@pytest.mark.parametrize("size", [0, 1, 1_000_003])
@pytest.mark.parametrize("streams", [1, 4])
async def test_an_honest_echo_passes(size: int, streams: int) -> None:
    moved: list[int] = []
    async with connected_to({ECHO_PROTOCOL: echo_handler}) as connection:
        await compare_echo(connection, size=size, streams=streams, progress=moved.append)
    assert sum(moved) == size


@pytest.mark.parametrize("handler", [changes_a_byte, loses_the_end, adds_a_byte])
async def test_an_echo_that_differs_is_found_out(handler: Handler) -> None:
    async with connected_to({ECHO_PROTOCOL: handler}) as connection:
        with pytest.raises(RemoteProtocolError, match="echo: "):
            await compare_echo(connection, size=100_000, streams=1, progress=lambda _: None)


@pytest.mark.parametrize("direction", ["upload", "download"])
async def test_a_transfer_is_split_over_its_streams(direction: str) -> None:
    moved: list[int] = []
    async with connected_to({PERF_PROTOCOL: perf_handler}) as connection:
        seconds = await transfer(
            connection,
            "upload" if direction == "upload" else "download",
            size=1_000_001,
            streams=3,
            progress=moved.append,
        )
    assert seconds > 0
    assert sum(moved) == 1_000_001
    assert shares(1_000_001, 3) == [333_334, 333_334, 333_333]


async def test_a_peer_that_does_not_answer_identify_or_ping_lacks_them() -> None:
    handlers = {IDENTIFY_PROTOCOL: never_answers, PING_PROTOCOL: never_answers}
    async with connected_to(handlers) as connection:
        report = await measure(connection, started=time.perf_counter(), timeout=0.05)
    assert (report.agent, report.protocols) == (None, ())
    assert (report.steps()["identify"], report.steps()["ping"]) == (None, None)
    assert "the peer does not support identify" in "\n".join(draw(report, 110))


@pytest.mark.parametrize("width", [30, 50, 80, 110, 160])
async def test_no_word_of_the_timeline_is_broken(width: int) -> None:
    async with connected_to({}) as connection:
        report = await measure(connection, started=time.perf_counter(), timeout=5)
    wide, plain = ([click.unstyle(line) for line in draw(report, cells)] for cells in (1000, width))
    words, expected = (" ".join(lines).replace("█", " ").split() for lines in (plain, wide))
    assert words == expected
    assert [line for line in plain if len(line) > max(width, 29) and len(line.split()) > 1] == []
    # Beside the bars where there is room.
    beside = any("ICE" in line and "Binding requests answered" in line for line in plain)
    assert beside == (width >= 110)


def test_pings_without_end_are_counted_and_the_last_ones_kept() -> None:
    pings = Pings(None, 0.0, 1.0)
    for number in range(MAX_SAMPLES + 10):
        pings.note(float(number))
    pings.note(None)
    assert (pings.left, pings.done, pings.lost) == (True, MAX_SAMPLES + 11, 1)
    assert (len(pings.answered), pings.answered[0]) == (MAX_SAMPLES, 10.0)


async def test_what_a_peer_says_of_itself_is_escaped() -> None:
    async with connected_to({IDENTIFY_PROTOCOL: misleads}) as connection:
        report = await measure(connection, started=time.perf_counter(), timeout=5)
    text = "\n".join(line for line in draw(report, 110) if "nice" in line or "speaks" in line)
    assert "nice\\x1b[2J\\nagent\\u202e" in text
    assert "speaks /a\\x07/b" in text
