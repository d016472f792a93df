"""The nine steps of a connection as a person reads them.

It owns the drawing: which measured time belongs to which step, and where its bar
stands. It measures nothing.
"""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import click

from webrtc_direct.cli.output import printable, show_milliseconds, socket_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webrtc_direct.connection.connection import Connection

BAR_CELLS = 24
# Number, name and time of a step, with what is between them.
_HEAD_CELLS = 29
_BESIDE_CELLS = _HEAD_CELLS + BAR_CELLS + 2
_BELOW_CELLS = 3
# The longest word that is beside a bar is a certhash.
_LEAST_BESIDE = 50
# Where no terminal says how wide it is: all remarks but the peer's own fit beside the bars.
_DEFAULT_WIDTH = 110
CLOSING = " 9 closing        {:>9}"


@dataclass(frozen=True)
class Report:
    """What one dial took, in seconds, and what the peer said of itself."""

    connection: Connection
    total: float
    identify: float | None
    ping: float | None
    agent: str | None
    protocols: tuple[str, ...]

    def steps(self) -> dict[str, float | None]:
        """Return the time of each measured step, in the order in which they happen."""
        times = self.connection.times
        return {
            "address": times.address,
            "certificate": times.certificate,
            "ice": times.ice,
            "dtls": times.dtls,
            "sctp": times.sctp,
            "noise": times.noise,
            "identify": self.identify,
            "ping": self.ping,
        }


class _Row(NamedTuple):
    """One line of the drawing: the step's number if it is a step, its time and what to say of it."""

    number: int | None
    name: str
    seconds: float | None
    remark: str


def width_of_stdout() -> int:
    """Return how many characters a line may have."""
    return shutil.get_terminal_size((_DEFAULT_WIDTH, 0)).columns


def fold(text: str, width: int, *, indent: int = 0) -> Iterator[str]:
    """Yield the lines of *text*, broken between words; all but the first begin with *indent* spaces."""
    lines = textwrap.wrap(
        text,
        max(width, indent + 1),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from lines


def draw(report: Report, width: int) -> Iterator[str]:
    """Yield the lines of the timeline, up to the closing of the connection.

    No line has more than *width* characters, unless a word has: where there is no room for the remarks
    beside the bars, they stand below.
    """
    rows = _rows(report)
    scale = max(report.total, sum(row.seconds or 0.0 for row in rows if row.number != 8))
    position = 0.0
    connection = report.connection
    where, took = socket_address(connection.remote), show_milliseconds(report.total)
    yield from fold(f"connected to {connection.peer_id}", width, indent=_BELOW_CELLS)
    yield from fold(f"          at {where}, {connection.version}, in {took}", width, indent=10)
    yield ""
    for row in rows:
        number = "" if row.number is None else str(row.number)
        took = "" if row.seconds is None else show_milliseconds(row.seconds)
        cells = max(1, min(BAR_CELLS, width - _HEAD_CELLS))
        bar = _bar(position, row.seconds if row.number != 8 else None, scale, cells)
        yield from _lines(f"{number:>2} {row.name:<14} {took:>9}  ", bar, row.remark, width)
        position += row.seconds or 0.0


def _rows(report: Report) -> list[_Row]:
    times = report.connection.times
    connection = report.connection
    agent = "the peer does not support identify" if report.agent is None else printable(report.agent)
    streams = f"identify {show_milliseconds(report.identify)}, ping {show_milliseconds(report.ping)}"
    return [
        _Row(1, "address", times.address, "an IP address, a port, a certhash and a peer id"),
        _Row(2, "certificate", times.certificate, f"ours: {connection.local_fingerprint.certhash}"),
        _Row(3, "offer", None, f"ICE credentials of {connection.version}"),
        _Row(4, "answer", None, "made here from the address; nothing is sent"),
        _Row(5, "data channels", None, "channel 0 is negotiated for the Noise handshake"),
        _Row(None, "  ICE", times.ice, "Binding requests answered"),
        _Row(None, "  DTLS", times.dtls, f"peer: {connection.remote_fingerprint.certhash}"),
        _Row(None, "  SCTP", times.sctp, "association up"),
        _Row(6, "insertion", None, "both fingerprints are known"),
        _Row(7, "Noise", times.noise, "the peer id is proven, bound to both fingerprints"),
        _Row(8, "streams", (report.identify or 0) + (report.ping or 0) or None, f"{streams}; {agent}"),
        *(_Row(None, "", None, f"speaks {printable(protocol)}") for protocol in report.protocols),
    ]


def _lines(head: str, bar: str, remark: str, width: int) -> Iterator[str]:
    """Yield the lines of one row."""
    beside = width - _BESIDE_CELLS >= _LEAST_BESIDE
    indent = _BESIDE_CELLS if beside else _BELOW_CELLS
    remarks = list(fold(remark, width - indent))
    first = remarks.pop(0) if beside and remarks else ""
    if not first:
        bar = bar.rstrip()
    line = head + (click.style(bar, fg="green") if bar.strip() else bar) + (f"  {first}" if first else "")
    if line.strip():
        yield line.rstrip()
    yield from (" " * indent + line for line in remarks)


def _bar(start: float, seconds: float | None, scale: float, cells: int) -> str:
    if not seconds or scale <= 0:
        return " " * cells
    first = min(int(start / scale * cells), cells - 1)
    length = max(1, min(round(seconds / scale * cells), cells - first))
    return (" " * first + "█" * length).ljust(cells)
