"""docs/paths.md, made from the results."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.paths import pings, plots, shares, table
from benchmarks.paths.path import PATHS
from benchmarks.paths.programs import LABELS, PAIRS, REFERENCE, Pair
from benchmarks.paths.relay import WAYS
from benchmarks.paths.results import Rate, cell_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.paths.results import Results, Samples

_INTRODUCTION = """\
# Paths

This page shows how fast data moves over a path with a round trip, a bottleneck and losses. `make paths`
measures it and writes this page. `.venv/bin/python -m benchmarks.paths --help` shows how to measure a part.

Dialer and listener are separate processes. Between them, `rust/relay` forwards UDP datagrams on loopback.
Each direction has its own bottleneck: a rate, and a queue that drops packets when it is full. After it come
a delay, losses, and jitter that reorders packets. The rate includes the UDP and IP headers, 28 bytes a
packet, and no packet is larger than 1500 bytes.

A transfer is one stream of `/perf/1.0.0` on a connection of its own, up (the dialer sends) or down. Each
number is in MB/s (10^6 bytes) and the median of {runs} runs. *<* means that most runs did not finish in time.
The number is then an upper bound: everything that passed the bottleneck in that time, retransmissions
included. *¹* marks a number of one run, and *-* what was not measured.

quinn is a QUIC implementation in Rust, configured with windows that never limit it. quinn with BBR is the
reference for what a path can carry with a modern sender; quinn with CUBIC shows what a sender reaches that
treats each loss as a full queue.
"""
_TABLE = """\
## This package and the references

10 MB, up / down. In brackets: the speed relative to quinn with BBR, in the same runs.
"""
_EXTRAS = """\
The same over other paths. With jitter, DTLS sets a limit: it takes a record for a replay when 64 newer ones
came before it (RFC 6347, section 4.1.2.6), and drops it. 64 packets in 2 ms are 37 MB/s; of what is sent
faster, a part is lost.
"""
_OTHERS = """\
## With other libraries

The same measurements with go-libp2p, js-libp2p in Node, and js-libp2p in a page of Chromium and of Firefox.
The first of a pair dials. Next to each pair of ours is the same pair with go in our place. The receiver's
window also limits the speed: a transfer is never faster than the window divided by the round trip.
"""
_PINGS = """\
## Pings beside a transfer

{path}: a sender that fills the queue delays everything by half a second. 100 MB are sent between two ends of
this package. From 1.5 s on there are pings beside the transfer, 20 ms apart or as fast as they are answered:
on the same connection, where they share its send buffer, and on another one through the same bottleneck.
Times are in milliseconds; *unloaded* is before the transfer.
"""
_SHARES = """\
## Two transfers through one bottleneck

{path}. Two uploads start at the same time, each to its own listener. The data that passes is counted for
{seconds:g} s, from the moment when both have started. *BDP* is the bandwidth-delay product.
"""
_PLOTS = """\
## Over time

One upload with this package over each path, and one with quinn and BBR.
"""


def markdown(results: Results, pictures: Path) -> str:
    """Return the page; it shows those *pictures* that are there."""
    runs = max((len(samples) for samples in results.parts.get(table.PART, {}).values()), default=0)
    lines = [
        _INTRODUCTION.format(runs=runs),
        *(f"- {name}: {value}" for name, value in results.facts.items()),
        "",
    ]
    cells = results.parts.get(table.PART, {})
    usual = [name for name, path in PATHS.items() if not path.is_extra]
    extra = [name for name in PATHS if name not in usual]
    lines += [_TABLE, *_references(cells, usual), "", _EXTRAS, *_references(cells, extra), ""]
    lines += [_OTHERS, *_others(cells, usual), ""]
    lines += [_PINGS.format(path=pings.PATH.words()), *_pings(results.parts.get(pings.PART, {})), ""]
    shared = shares.path(1).words().rpartition(",")[0]
    lines += [
        _SHARES.format(path=shared, seconds=shares.SECONDS),
        *_shares(results.parts.get(shares.PART, {})),
    ]
    lines += ["", _PLOTS]
    for name in PATHS:
        if (pictures / plots.file_name(name)).exists():
            lines += [f"![{name}](images/{plots.file_name(name)})", ""]
    return "\n".join(lines).rstrip() + "\n"


def _references(cells: Samples, paths: Sequence[str]) -> list[str]:
    pairs = PAIRS[:3]
    rows = [[path, _what(path), *(_both(cells, path, pair) for pair in pairs)] for path in paths]
    return _markdown(["path", "each way", *(pair.label for pair in pairs)], rows)


def _what(path: str) -> str:
    chosen = PATHS[path]
    size = "" if chosen.size == 10_000_000 else f"; {chosen.size / 1e6:.0f} MB"
    return chosen.words() + size


def _both(cells: Samples, path: str, pair: Pair) -> str:
    shown = []
    for way in WAYS:
        rate = _rate(cells, path, pair.name, way)
        best = _rate(cells, path, REFERENCE, way)
        ratio = ""
        if rate and best and pair.name != REFERENCE and best.done:
            ratio = f" ({'' if rate.done else '<'}{rate.value / best.value:.2f})"
        shown.append(f"{rate or '-'}{ratio}")
    return " / ".join(shown)


def _others(cells: Samples, paths: Sequence[str]) -> list[str]:
    lines: list[str] = []
    pairs = PAIRS[3:]
    # So that a row fits on a page.
    for chosen in (paths[: len(paths) // 2], paths[len(paths) // 2 :]):
        rows = [
            [
                pair.label,
                *(
                    " / ".join(str(_rate(cells, path, pair.name, way) or "-") for way in WAYS)
                    for path in chosen
                ),
            ]
            for pair in pairs
        ]
        lines += [*_markdown(["up / down", *chosen], rows), ""]
    return lines[:-1]


def _rate(cells: Samples, path: str, pair: str, way: str) -> Rate | None:
    return Rate.of(cells.get(cell_name(path, pair, way), []))


def _pings(rows: Samples) -> list[str]:
    heads = ("unloaded", "p50", "p95", "rate")
    shown = [
        [name, *(f"{median(sample[head] for sample in samples):.4g}" for head in heads)]
        for name, samples in rows.items()
    ]
    return _markdown(["transfer, pings on", *heads[:-1], "MB/s"], shown)


def _shares(rows: Samples) -> list[str]:
    shown = []
    for rival in shares.RIVALS:
        for queue in shares.QUEUES:
            name = shares.name(rival, queue)
            if samples := rows.get(name):
                parts = ", ".join(f"{sample['share']:.0%}" for sample in samples)
                rate = median(sample["rate"] for sample in samples)
                shown.append([LABELS[rival], f"{queue:g} x BDP", parts, f"{rate:.2f}"])
    return _markdown(["ours beside", "queue", "our share, each run", "both, MB/s"], shown)


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(heads), "|" + "---|" * len(heads), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
