"""Which cells are run, in which order, and what runs beside what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cell import Cell
from registry import OURS, PROGRAMS, families, pairs, reference

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

VERSIONS = ("v1", "v2")
# Runs that wait most of their time, on two cores.
SIDE_BY_SIDE = 5


def cells_of(
    peers: Iterable[str],
    *,
    only: Collection[str] | None = None,
    versions: Sequence[str] = VERSIONS,
    of_families: Collection[str],
) -> list[Cell]:
    """Return the cells of *peers*; *only* has their pairs as ``dialer:listener``.

    A cell of ours comes right after the same with go in our place, so that both have the same conditions.
    """
    chosen = [pair for pair in pairs(peers) if only is None or ":".join(pair) in only]
    cells: dict[tuple[str, str, str, str], Cell] = {}
    for pair in sorted(chosen, key=lambda pair: OURS not in pair):
        for family in (each for each in families(*pair) if each in of_families):
            for version in versions:
                beside = reference(*pair)
                for each in (beside, pair) if beside in chosen else (pair,):
                    cells.setdefault((*each, version, family), Cell(*each, version, family))
    return list(cells.values())


def quick_peers() -> list[str]:
    """Return the names of those in the quick run."""
    return [name for name, program in PROGRAMS.items() if program.quick]


def run_side_by_side(waiting: Iterable[Callable[[], None]]) -> None:
    """Run functions, a few at a time, and raise what the first that failed raised."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for done in [pool.submit(each) for each in waiting]:
            done.result()
