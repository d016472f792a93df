"""Files over a stream, in one call."""

from __future__ import annotations

import io
import secrets
import tracemalloc
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from webrtc_direct import RemoteProtocolError, Stream, StreamReset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.integration_memory.conftest import Ends

PROTOCOL = "/test/files/1"
DATA = secrets.token_bytes(700_001)


@asynccontextmanager
async def served(ends: Ends, handler: Callable[[Stream], Awaitable[object]]) -> AsyncIterator[Stream]:
    """A stream to *handler*."""

    async def serve(stream: Stream) -> None:
        await handler(stream)

    async with ends.pair(server={PROTOCOL: serve}) as pair, pair.client.open_stream(PROTOCOL) as stream:
        yield stream


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize(
    ("offset", "count", "sent"),
    [
        (0, None, DATA),
        (300_000, None, DATA[300_000:]),
        (5, 300_000, DATA[5:300_005]),
        (0, 0, b""),
        (0, 10**9, DATA),
        (10**9, None, b""),
    ],
)
@pytest.mark.parametrize("is_open", [False, True])
async def test_a_file_arrives_as_it_is(
    is_open: bool, offset: int, count: int | None, sent: bytes, ends: Ends, source: Path, tmp_path: Path
) -> None:
    told: list[int] = []

    async def send(stream: Stream) -> None:
        file = source.open("rb") if is_open else None
        assert await stream.send_file(
            file or source, offset=offset, count=count, on_progress=told.append
        ) == len(sent)
        if file is not None:
            assert not file.closed
            file.close()

    copy = tmp_path / "copy"
    received: list[int] = []
    async with served(ends, send) as stream:
        target = copy.open("wb") if is_open else None
        assert await stream.receive_file(target or str(copy), on_progress=received.append) == len(sent)
        if target is not None:
            target.close()
    assert copy.read_bytes() == sent
    assert told == sorted(told)
    assert (told or [0])[-1] == (received or [0])[-1] == len(sent)


async def test_what_is_no_file_on_a_disk_is_sent_and_received(ends: Ends) -> None:
    class Pipe(io.BytesIO):
        """Like a pipe, it has no positions."""

        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation("seek")

    async def send(stream: Stream) -> None:
        await stream.send_file(Pipe(DATA))

    copy = io.BytesIO()
    async with served(ends, send) as stream:
        assert await stream.receive_file(copy) == len(DATA)
    assert copy.getvalue() == DATA


async def test_a_transfer_goes_on_where_it_was_cut_off(ends: Ends, source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    async def send(stream: Stream) -> None:
        offset = int(await stream.read_message() or b"")
        if offset:
            await stream.send_file(source, offset=offset)
        else:
            await stream.send_file(source, count=400_000)
            await anyio.sleep(0.1)
            raise RemoteProtocolError("cut off")

    async with served(ends, send) as stream:
        await stream.write_message(b"0")
        with pytest.raises(StreamReset):
            await stream.receive_file(copy)
        size = copy.stat().st_size
        assert copy.read_bytes() == DATA[:size]
        assert size > 0
        # What is beyond the offset is not kept.
        async with stream.connection.open_stream(PROTOCOL) as again:
            await again.write_message(str(size - 7).encode())
            assert await again.receive_file(copy, offset=size - 7) == len(DATA) - size + 7
    assert copy.read_bytes() == DATA


async def test_a_file_is_never_held_as_a_whole(ends: Ends, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(30_000_000)

    async def send(stream: Stream) -> None:
        await stream.send_file(large)

    async with served(ends, send) as stream:
        tracemalloc.start()
        try:
            assert await stream.receive_file(tmp_path / "copy") == 30_000_000
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 6_000_000


async def test_what_a_peer_may_send_is_bounded(ends: Ends, source: Path, tmp_path: Path) -> None:
    async def send(stream: Stream) -> None:
        await stream.send_file(source)

    copy = tmp_path / "copy"
    async with served(ends, send) as stream:
        with pytest.raises(RemoteProtocolError, match="more than 1000 bytes"):
            await stream.receive_file(copy, max_bytes=1000)
    assert copy.read_bytes() == DATA[:1000]
    async with served(ends, send) as stream:
        assert await stream.receive_file(copy, max_bytes=len(DATA)) == len(DATA)


async def test_a_file_that_cannot_be_used_is_an_error_of_its_own(ends: Ends, tmp_path: Path) -> None:
    async def wait(stream: Stream) -> None:
        await stream.read()

    async with served(ends, wait) as stream:
        with pytest.raises(FileNotFoundError):
            await stream.send_file(tmp_path / "nothing")
        with pytest.raises(ValueError, match="at least 0"):
            await stream.send_file(tmp_path, offset=-1)
        with pytest.raises(ValueError, match="at least 0"):
            await stream.receive_file(tmp_path, max_bytes=-1)
        with pytest.raises(IsADirectoryError):
            await stream.receive_file(tmp_path)
        short = tmp_path / "short"
        short.write_bytes(b"abc")
        with pytest.raises(ValueError, match="has 3 bytes, and offset is 4"):
            await stream.receive_file(short, offset=4)
        assert short.read_bytes() == b"abc"


async def test_a_transfer_that_is_cancelled_leaves_what_came(ends: Ends, tmp_path: Path) -> None:
    async def send(stream: Stream) -> None:
        await stream.write(b"hello")
        await stream.read()

    copy = tmp_path / "copy"
    async with served(ends, send) as stream:
        with anyio.move_on_after(0.1) as scope:
            await stream.receive_file(copy)
        assert scope.cancelled_caught
    assert copy.read_bytes() == b"hello"
