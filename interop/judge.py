"""What must be true of one run of a cell: what the dialer reported and what the listener saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from work import COMPARED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers import Event, Listener
    from work import Work

# Within it each end notices that the other one has closed the connection.
NOTICE_SECONDS = 10.0

PROTOCOLS = frozenset(
    {
        "/ipfs/ping/1.0.0",
        "/ipfs/id/1.0.0",
        "/echo/1.0.0",
        "/perf/1.0.0",
        "/interop/checked/1.0.0",
        "/interop/half-close/1.0.0",
        "/interop/reset/1.0.0",
        "/interop/close/1.0.0",
    }
)


def problems_of(
    result: Event, listener: Listener, work: Work, *, agent: str, version: str, closer: str
) -> Iterator[str]:
    """Yield every problem of a run whose dialer ended well; the listener has ended too."""
    expected = {"event": "result", "peer_id": listener.peer_id, "version": version}
    for name, value in expected.items():
        if result.get(name) != value:
            yield f"{name} is {result.get(name)!r} instead of {value!r}"
    if not str(result.get("agent")).startswith(agent):
        yield f"identify says {result.get('agent')!r} instead of {agent}…"
    if missing := PROTOCOLS.difference(result.get("protocols") or ()):
        yield f"identify lacks {', '.join(sorted(missing))}"
    yield from _problems_of_samples(result, work)
    yield from _problems_of_transfers(result, work)
    yield from _problems_of_endings(result, work, closer)
    yield from _problems_of_connections(result, listener, work)


def _problems_of_samples(result: Event, work: Work) -> Iterator[str]:
    for name, count in (("connect_ms", work.connections), ("ping_ms", work.pings)):
        if len(result.get(name) or ()) != count:
            yield f"{name} has {len(result.get(name) or ())} samples instead of {count}"
    if (result.get("idle_ping_ms") is not None) is not bool(work.idle):
        yield f"idle_ping_ms is {result.get('idle_ping_ms')}"


def _problems_of_transfers(result: Event, work: Work) -> Iterator[str]:
    for name, size in work.sizes().items():
        transfer = result.get(name)
        if not size:
            if transfer is not None:
                yield f"{name} was not asked for"
            continue
        transfer = transfer or {}
        if transfer.get("bytes") != size:
            yield f"{name} moved {transfer.get('bytes')} bytes instead of {size}"
        if transfer.get("compared") is not (name in COMPARED):
            yield f"{name} has compared={transfer.get('compared')}"


def _problems_of_endings(result: Event, work: Work, closer: str) -> Iterator[str]:
    for name, asked in (("half_close", work.half_close), ("reset", work.reset)):
        if result.get(name) is not (True if asked else None):
            yield f"{name} is {result.get(name)}"
    after = result.get("closed_after_ms")
    if (after is not None) is not (closer == "listener"):
        yield f"closed_after_ms is {after}"
    elif after is not None and after > 1000 * NOTICE_SECONDS:
        yield f"the dialer noticed the end after {after / 1000:.1f} s"


def _problems_of_connections(result: Event, listener: Listener, work: Work) -> Iterator[str]:
    expected = [result.get("local_peer_id")] * work.connections
    for event in ("connected", "disconnected"):
        seen = [each.get("peer_id") for each in listener.named(event)]
        if seen != expected:
            yield f"the listener saw as {event}: {seen}"
    resets = len(listener.named("reset-seen"))
    if resets != int(work.reset):
        yield f"the listener saw {resets} resets instead of {int(work.reset)}"
