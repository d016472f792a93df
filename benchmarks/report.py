"""Tables on a terminal, with rich where it is installed. Nothing here knows what was measured."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.results import Row, Table


def show_facts(facts: Mapping[str, object]) -> None:
    """Print what the numbers depend on."""
    for name, value in facts.items():
        print(f"{name}: {value}")


def show_table(table: Table) -> None:
    """Print *table*; beside each median, how many times as good it is as the reference."""
    heads = ("", "unit", *table.columns)
    lines = [_cells(row, table.columns) for row in table.rows.values()]
    print()
    if find_spec("rich") is None:
        _print_plain(table.title, heads, lines)
    else:
        _print_rich(table.title, heads, lines)
    for note in table.notes:
        print(note)


def _cells(row: Row, columns: tuple[str, ...]) -> tuple[str, ...]:
    return (row.name, row.unit, *(_cell(row, column, columns[0]) for column in columns))


def _cell(row: Row, column: str, reference: str) -> str:
    value = row.median(column)
    if value is None:
        return "-"
    shown = f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    ratio = None if column == reference else row.ratio(column, reference)
    return shown if ratio is None else f"{shown} (x{ratio:.2g})"


def _print_rich(title: str, heads: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only where it is installed
    from rich.table import Table as RichTable  # noqa: PLC0415

    shown = RichTable(title=title, title_justify="left")
    for index, head in enumerate(heads):
        shown.add_column(head, justify="left" if index < 2 else "right", no_wrap=True)
    for line in lines:
        shown.add_row(*line)
    Console().print(shown)


def _print_plain(title: str, heads: tuple[str, ...], lines: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    print(title)
    for line in (heads, *lines):
        cells = [
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
