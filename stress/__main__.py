"""Run the parts that the command line asks for, show them, and write docs/reliability.md."""

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
    from collections.abc import Callable, Mapping

PARTS: dict[str, Callable[[Work], Part]] = {
    "transfers": transfers.measure,
    "slow": slow_readers.measure,
    "interruptions": interruptions.measure,
    "hostile": hostile.measure,
    "authenticated": authenticated.measure,
    "against-go": against_go.measure,
    "seeds": seeds.measure,
    "soak": soak.measure,
}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"


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
    facts = machine.facts()
    found = {} if options.resume is None else _load(options.resume, names)
    if found:
        facts["measured in an earlier run"] = ", ".join(found)
    for name in names:
        found[name] = PARTS[name](work)
        facts["load at the end"] = machine.load()
        if options.json is not None:
            # After each part: a run takes most of an hour.
            _save(options.json, facts, found)
    parts = [found[name] for name in PARTS if name in found]
    if not options.quick and len(parts) == len(PARTS):
        PAGE.write_text(report.markdown(facts, parts), encoding="utf-8")
        print(f"wrote {PAGE.relative_to(PAGE.parent.parent)}")
    return 0 if all(part.met for part in parts) else 1


def _load(file: Path, names: list[str]) -> dict[str, Part]:
    """Return the parts of an earlier run that are not to be measured now."""
    parts = map(Part.load, json.loads(file.read_text(encoding="utf-8"))["parts"])
    return {part.name: part for part in parts if part.name not in names}


def _save(file: Path, facts: Mapping[str, object], parts: Mapping[str, Part]) -> None:
    document = {"machine": facts, "parts": [part.document() for part in parts.values()]}
    file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stress", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="little work: shows that all of it runs")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="the soak alone, for so long")
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="the other parts are those of FILE, an earlier --json",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE as well")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
