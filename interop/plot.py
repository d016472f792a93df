"""docs/images/throughput.svg: how fast data moves with us and without us, over loopback, as bars."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from builds import ROOT
from registry import OURS, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from summary import Summary

# The pairs among those that dial and listen outside a browser; first those that we are in.
PAIRS = (
    (OURS, OURS),
    (OURS, REFERENCE),
    (REFERENCE, OURS),
    (OURS, "js"),
    ("js", OURS),
    (REFERENCE, REFERENCE),
    (REFERENCE, "js"),
    ("js", REFERENCE),
)
LABELS = {OURS: "webrtc-direct", REFERENCE: "go-libp2p", "js": "js-libp2p (Node)"}
VERSION, FAMILY = "v1", "IPv4"
# Two hosts of py-libp2p, by transport. `make bench-py` measures them, for py-libp2p's own has no half-close,
# which the cells of the matrix need.
HOSTS = ROOT / "benchmarks" / "py_libp2p" / "results.json"
HOST_LABELS = {"webrtc-direct": "py-libp2p, with webrtc-direct", "built-in": "py-libp2p, with aiortc"}

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 250, 70, 58, 14
_BAR, _PAIR = 13, 38
_TITLE = "Throughput of one stream on loopback, MB/s"
_LEGEND = "Dialer → listener. Upper bar: upload. Lower bar: download."
_OURS, _OTHERS = ("#2f5bd9", "#93acf0"), ("#6b7280", "#b6bcc6")


def svg(summaries: Sequence[Summary]) -> str:
    """Return the picture; a pair that was not measured is left out."""
    found = {
        (each.cell.dialer, each.cell.listener): each.numbers
        for each in summaries
        if (each.cell.version, each.cell.family) == (VERSION, FAMILY) and not each.cell.problems
    }
    rows = [
        (" → ".join(LABELS[name] for name in pair), _speeds(found[pair]), OURS in pair)
        for pair in PAIRS
        if "perf_upload" in found.get(pair, {})
    ]
    rows += _hosts()
    fastest = max((max(speeds) for _, speeds, _ in rows), default=1.0)
    height = _TOP + len(rows) * _PAIR + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}"'
        f' height="{height}" font-family="sans-serif" font-size="12" fill="#1f2937">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="14" y="22" font-size="14" font-weight="bold">{_TITLE}</text>',
        f'<text x="14" y="41" fill="#4b5563">{_LEGEND}</text>',
    ]
    for index, (label, speeds, is_ours) in enumerate(rows):
        lines += _row(label, speeds, is_ours=is_ours, top=_TOP + index * _PAIR, fastest=fastest)
    return "\n".join([*lines, "</svg>", ""])


def _speeds(numbers: dict[str, float]) -> tuple[float, float]:
    return numbers["perf_upload"], numbers["perf_download"]


def _hosts() -> list[tuple[str, tuple[float, float], bool]]:
    measured = json.loads(HOSTS.read_text(encoding="utf-8"))
    speeds = {name: (measured[name]["upload"], measured[name]["download"]) for name in HOST_LABELS}
    # Most runs of a transport may have failed.
    return [
        (label, speeds[name], name == "webrtc-direct")
        for name, label in HOST_LABELS.items()
        if None not in speeds[name]
    ]


def _row(label: str, speeds: tuple[float, float], *, is_ours: bool, top: int, fastest: float) -> list[str]:
    weight = ' font-weight="bold"' if is_ours else ""
    lines = [f'<text x="{_LEFT - 10}" y="{top + _BAR + 4}" text-anchor="end"{weight}>{escape(label)}</text>']
    for index, (speed, color) in enumerate(zip(speeds, _OURS if is_ours else _OTHERS, strict=True)):
        width = (_WIDTH - _LEFT - _RIGHT) * speed / fastest
        y = top + index * (_BAR + 1)
        lines.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{color}"/>')
        lines.append(f'<text x="{_LEFT + width + 6:.1f}" y="{y + 11}">{speed:.0f}</text>')
    return lines
