"""Run the parts that the command line asks for, show them, and write docs/reliability.md.

``results.json`` keeps what was measured of each part, for all of them together take hours.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine
from builds import build_go

from stress import (
    against_go,
    authenticated,
    floods,
    hostile,
    idle,
    interruptions,
    report,
    seeds,
    slow_readers,
    soak,
    transfers,
)
from stress.results import Part
from stress.work import Work
from webrtc_direct._native import BUILD_PROFILE  # noqa: TID251 - asks how the engine was built, no more

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PARTS: dict[str, Callable[[Work], Part]] = {
    "transfers": transfers.measure,
    "slow": slow_readers.measure,
    "interruptions": interruptions.measure,
    "hostile": hostile.measure,
    "authenticated": authenticated.measure,
    "against-go": against_go.measure,
    "idle": idle.measure,
    "seeds": seeds.measure,
    "soak": soak.measure,
}
HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "reliability.md"
RESULTS = HERE / "results.json"


def main() -> int:
    """Measure and return the exit code: 1 if a target was missed."""
    options = _parse()
    if BUILD_PROFILE != "release":
        print(f"error: the engine is a {BUILD_PROFILE} build; 'make build' makes a release", file=sys.stderr)
        return 1
    build_go()
    names = options.only or (list(PARTS) if options.soak is None else ["soak"])
    if {"hostile", "against-go", "soak"} & set(names):
        floods.build()
    work = Work.quick() if options.quick else Work()
    if options.soak is not None:
        work = replace(work, soak_minutes=options.soak)
    written = not (options.quick or options.json)
    found = _load(RESULTS) if written else {}
    for name in names:
        facts = machine.facts()
        found[name] = PARTS[name](work)
        found[name].machine = facts | {"load at the end": machine.load()}
        parts = [found[each] for each in PARTS if each in found]
        if written or options.json:
            _save(options.json or RESULTS, parts)
        if written:
            PAGE.write_text(report.markdown(parts), encoding="utf-8")
    return 0 if all(found[name].met for name in names) else 1


def _load(file: Path) -> dict[str, Part]:
    """Return what was measured before."""
    document = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"parts": []}
    return {part.name: part for part in map(Part.load, document["parts"])}


def _save(file: Path, parts: Sequence[Part]) -> None:
    # A line for each part: nobody reads it, and a diff shows which one changed.
    lines = ",\n".join(json.dumps(part.document(), ensure_ascii=False) for part in parts)
    file.write_text(f'{{"parts": [\n{lines}\n]}}\n', encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stress", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="little work: shows that all of it runs")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="the soak alone, for so long")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results to FILE, and not the page"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
