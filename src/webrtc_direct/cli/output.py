"""How values are written: JSON lines, sizes, times, and words that a peer chose.

What goes to stdout with ``--json`` is JSON and nothing else, each line flushed. Nothing
here knows what is being reported.
"""

from __future__ import annotations

import io
import json
import math
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Longer than any honest agent or protocol name; what is cut off shows as an ellipsis.
MAX_PRINTABLE = 300

_DECIMAL_UNITS = ("kB", "MB", "GB", "TB")


def write_json(document: Mapping[str, object]) -> None:
    """Write *document* as one line on stdout, at once."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def write_what_can_be_written() -> None:
    """Let a stdout whose encoding lacks a character, such as Latin-1, have a question mark in its place."""
    stdout = sys.stdout
    # What a peer sent must not end a command, and neither must a character of ours.
    if isinstance(stdout, io.TextIOWrapper) and stdout.errors == "strict":
        stdout.reconfigure(errors="replace")


def printable(text: str) -> str:
    """Return *text* with everything escaped that could move a cursor or mislead a reader.

    Use it for every string that a peer sent: control characters, bidirectional marks
    and unusual spaces appear as escapes.
    """
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text[:MAX_PRINTABLE]
    )
    return shown if len(text) <= MAX_PRINTABLE else shown + "…"


def milliseconds(seconds: float | None) -> float | None:
    """Return *seconds* as milliseconds, to the microsecond."""
    return None if seconds is None else round(seconds * 1000, 3)


def show_milliseconds(seconds: float | None) -> str:
    """Return *seconds* as text such as ``0.42 ms``, or a dash for what was not measured."""
    if seconds is None:
        return "-"
    value = seconds * 1000
    return f"{value:.2f} ms" if value < 100 else f"{value:.0f} ms"


def show_size(count: int) -> str:
    """Return *count* bytes as text such as ``1.5 MB``, in powers of 1000."""
    value = float(count)
    unit = "B"
    for larger in _DECIMAL_UNITS:
        # What rounds to 1000 of one unit is 1 of the next.
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"


def megabytes_per_second(count: int, seconds: float) -> float:
    """Return the speed of *count* bytes in *seconds*; MB are 10^6 bytes."""
    return round(count / 1e6 / seconds, 3) if seconds > 0 else 0.0


def quantile(samples: Sequence[float], fraction: float) -> float:
    """Return the value below which *fraction* of the *samples* lie (nearest rank)."""
    rank = math.ceil(fraction * len(samples))
    return sorted(samples)[max(rank, 1) - 1]


def socket_address(remote: tuple[str, int]) -> str:
    """Return ``192.0.2.7:4001`` or ``[2001:db8::7]:4001``."""
    host, port = remote
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
