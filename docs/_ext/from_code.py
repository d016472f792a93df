"""Pages that are drawn from the code: the stream's states, and the help of the command line."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, ClassVar

import click
from docutils import nodes
from docutils.parsers.rst import Directive

from webrtc_direct.cli.program import command as program
from webrtc_direct.streams.stream_state import FINAL_STATES, TRANSITIONS, ReceiveState, SendState

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    State = SendState | ReceiveState

HELP_WIDTH = 100
# Column and row of each state. One that is missing here, or gone from the table, fails the build.
PLACES: dict[str, dict[State, tuple[int, int]]] = {
    "sending": {
        SendState.READY: (0, 1),
        SendState.FIN_SENT: (1, 0),
        SendState.RESET: (1, 1),
        SendState.ACKNOWLEDGED: (2, 0),
        SendState.UNCONFIRMED: (2, 1),
        SendState.STOPPING: (2, 2),
    },
    "receiving": {
        ReceiveState.OPEN: (0, 1),
        ReceiveState.DISCARDING: (1, 1),
        ReceiveState.ENDED: (2, 0),
        ReceiveState.ABANDONED: (2, 1),
        ReceiveState.RESET: (1, 2),
    },
}
WIDTH, HEIGHT = 124, 36
COLUMN, ROW = 320, 150
LINE = 14


class StreamStates(Directive):
    """``stream-states:: sending`` draws one half of a stream."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the picture and the table."""
        places = PLACES[self.arguments[0]]
        states: set[State] = {state for state, _ in TRANSITIONS if type(state) is type(next(iter(places)))}
        states |= {after for (state, _), (after, _) in TRANSITIONS.items() if state in states}
        if states != set(places):
            raise self.error(f"docs/_ext/from_code.py places other states than the table has: {states}")
        picture = nodes.raw("", _draw(self.arguments[0], places), format="html")
        return [picture, _table(places)]


class CommandHelp(Directive):
    """``command-help::`` shows ``--help`` of every command."""

    option_spec: ClassVar[dict[str, object]] = {}

    def run(self) -> list[nodes.Node]:
        """Return a section for each command."""
        return [_section(words, command) for words, command in commands(program)]


def commands(
    group: click.Command, words: tuple[str, ...] = ("webrtc-direct",)
) -> list[tuple[str, click.Command]]:
    """Return every command below *group*, with the words that call it."""
    found = [(" ".join(words), group)]
    if isinstance(group, click.Group):
        context = click.Context(group, info_name=words[-1])
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None:
                found += commands(command, (*words, name))
    return found


def _section(words: str, command: click.Command) -> nodes.section:
    section = nodes.section("", ids=[nodes.make_id(words)])
    section += nodes.title("", words)
    context = click.Context(command, info_name=words, max_content_width=HELP_WIDTH, terminal_width=HELP_WIDTH)
    text = command.get_help(context)
    section += nodes.literal_block(text, text, language="text")
    return section


def _edges(places: dict[State, tuple[int, int]]) -> dict[tuple[State, State], list[str]]:
    edges: dict[tuple[State, State], list[str]] = {}
    for (state, event), (after, _) in TRANSITIONS.items():
        if state in places:
            edges.setdefault((state, after), []).append(event.value)
    return edges


def _draw(half: str, places: dict[State, tuple[int, int]]) -> str:
    width = 2 * COLUMN + WIDTH + 20
    height = 2 * ROW + HEIGHT + 60
    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="States; the table below says the same"'
        ' style="max-width:100%;height:auto" fill="none" stroke="currentColor" font-size="12"'
        ' font-family="sans-serif">',
        f'<defs><marker id="arrow-{half}" viewBox="0 0 10 10" refX="9" refY="5"'
        ' markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
        '<path d="M0 0L10 5L0 10z" fill="currentColor" stroke="none"/></marker></defs>',
    ]
    labels = []
    for (state, after), events in _edges(places).items():
        path, label = _edge(places[state], places[after])
        parts.append(f'<path d="{path}" marker-end="url(#arrow-{half})"/>')
        labels.append(_label(label, events))
    for state, place in places.items():
        x, y = _centre(place)
        stroke = 2.5 if state in FINAL_STATES else 1
        parts.append(
            f'<rect x="{x - WIDTH / 2}" y="{y - HEIGHT / 2}" width="{WIDTH}" height="{HEIGHT}" rx="8"'
            f' stroke-width="{stroke}"/>'
            f'<text x="{x}" y="{y + 4}" text-anchor="middle" fill="currentColor" stroke="none"'
            f' font-weight="bold">{escape(state.value)}</text>'
        )
    return "".join((*parts, *labels, "</svg>"))


def _centre(place: tuple[int, int]) -> tuple[float, float]:
    return 10 + WIDTH / 2 + place[0] * COLUMN, 40 + HEIGHT / 2 + place[1] * ROW


def _edge(start: tuple[int, int], end: tuple[int, int]) -> tuple[str, tuple[float, float]]:
    (x1, y1), (x2, y2) = _centre(start), _centre(end)
    if start == end:
        top = y1 - HEIGHT / 2
        path = f"M{x1 - 20} {top}C{x1 - 40} {top - 40} {x1 + 40} {top - 40} {x1 + 20} {top}"
        return path, (x1, top - 34)
    (ax, ay), (bx, by) = _border(x1, y1, x2, y2), _border(x2, y2, x1, y1)
    return f"M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}", ((ax + bx) / 2, (ay + by) / 2)


def _border(x: float, y: float, towards_x: float, towards_y: float) -> tuple[float, float]:
    """Where the line from the middle of a box leaves it."""
    dx, dy = towards_x - x, towards_y - y
    scale = min(WIDTH / 2 / abs(dx) if dx else 1, HEIGHT / 2 / abs(dy) if dy else 1)
    return x + dx * scale, y + dy * scale


def _label(middle: tuple[float, float], lines: list[str]) -> str:
    x, y = middle
    width = max(map(len, lines)) * 6.6 + 6
    height = len(lines) * LINE + 2
    box = (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height}"'
        ' stroke="none" style="fill:var(--color-background-primary,#fff)"/>'
    )
    texts = (
        f'<text x="{x:.1f}" y="{y - height / 2 + LINE * (number + 0.8):.1f}" text-anchor="middle"'
        f' fill="currentColor" stroke="none">{escape(text)}</text>'
        for number, text in enumerate(lines)
    )
    return box + "".join(texts)


def _table(places: dict[State, tuple[int, int]]) -> nodes.table:
    rows = [("in", "when", "becomes", "and this is done, in order")]
    for (state, event), (after, effects) in TRANSITIONS.items():
        if state in places:
            done = ", ".join(effect.value for effect in effects) or "nothing"
            rows.append((state.value, event.value, after.value, done))
    group = nodes.tgroup("", *(nodes.colspec(colwidth=width) for width in (15, 25, 15, 45)), cols=4)
    head, body = nodes.thead(), nodes.tbody()
    for number, row in enumerate(rows):
        cells = (nodes.entry("", nodes.paragraph("", text)) for text in row)
        (body if number else head).append(nodes.row("", *cells))
    group += [head, body]
    return nodes.table("", group)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("stream-states", StreamStates)
    app.add_directive("command-help", CommandHelp)
    return {"parallel_read_safe": True}
