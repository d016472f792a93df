"""Line charts as SVG, one above the other with one axis of time. Nothing here knows what they show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float]

_WIDTH, _HEIGHT = 760, 150
_LEFT, _RIGHT, _TOP, _GAP, _BOTTOM = 64, 16, 40, 34, 34
_COLORS = ("#1f6fb4", "#d1711c", "#4f8f3f")
_TICKS = 5


@dataclass(frozen=True)
class Panel:
    """One chart: what its values are, and a line of points (seconds, value) for each label."""

    title: str
    series: dict[str, Sequence[Point]]


def chart(title: str, panels: Sequence[Panel]) -> str:
    """Return the SVG of *panels*."""
    seconds = max((x for panel in panels for line in panel.series.values() for x, _ in line), default=1.0)
    height = _TOP + len(panels) * (_HEIGHT + _GAP) - _GAP + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        ' font-family="sans-serif" font-size="11" fill="#222">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="18" font-size="13" font-weight="bold">{escape(title)}</text>',
    ]
    for index, panel in enumerate(panels):
        lines += _panel(panel, seconds, top=_TOP + index * (_HEIGHT + _GAP))
    lines.append(_text(_WIDTH - _RIGHT, height - 4, "seconds", "end"))
    return "\n".join([*lines, "</svg>", ""])


def _panel(panel: Panel, seconds: float, *, top: int) -> list[str]:
    highest = max((y for line in panel.series.values() for _, y in line), default=0.0)
    y_step, x_step = _step(highest), _step(seconds)
    y_end = max(y_step, math.ceil(highest / y_step) * y_step)
    width, bottom = _WIDTH - _LEFT - _RIGHT, top + _HEIGHT

    def place(point: Point) -> tuple[float, float]:
        return _LEFT + width * point[0] / seconds, bottom - _HEIGHT * point[1] / y_end

    lines = [_text(_LEFT, top - 6, panel.title, "start")]
    for value in _ticks(y_end, y_step):
        _, y = place((0, value))
        lines.append(f'<path d="M{_LEFT} {y:.1f}h{width}" stroke="#ddd"/>')
        lines.append(_text(_LEFT - 6, y + 4, f"{value:g}", "end"))
    for value in _ticks(seconds, x_step):
        x, _ = place((value, 0))
        lines.append(_text(x, bottom + 14, f"{value:g}", "middle"))
    for index, (label, points) in enumerate(panel.series.items()):
        color = _COLORS[index % len(_COLORS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, points))
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        right = _WIDTH - _RIGHT - 110 * (len(panel.series) - 1 - index)
        lines.append(
            f'<text x="{right}" y="{top - 6}" text-anchor="end" fill="{color}">{escape(label)}</text>'
        )
    return lines


def _step(highest: float) -> float:
    """Return 1, 2 or 5 times a power of ten, of which some are up to *highest*."""
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest / _TICKS))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * _TICKS >= highest)


def _ticks(end: float, step: float) -> list[float]:
    return [index * step for index in range(math.floor(end / step * 1.0001) + 1)]


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
