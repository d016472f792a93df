"""The results of the run that ``matrix.json`` has, to write the pages anew in other words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bad_clients import BadClient
from cell import Cell, Run
from results import Results
from smoldot import SmoldotRun

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"(?P<page>[\w-]+) \((?P<browser>\w+)\) (?P<version>v\d): (?P<kind>[\w-]+)")


def read_results(path: Path) -> Results:
    """Return what was found when *path* was written."""
    document = json.loads(path.read_text(encoding="utf-8"))
    facts = dict(document["facts"])
    results = Results(work=facts.pop("work"), machine=facts.pop("machine"), seconds=facts.pop("seconds"))
    results.recorded_releases = facts
    results.cells = [_cell(each) for each in document["cells"]]
    results.smoldots = [
        SmoldotRun(each["seconds"], result=each["result"], problems=each["problems"])
        for each in document["smoldot"]
    ]
    results.bad = [_bad_client(each) for each in document["bad_clients"]]
    return results


def _cell(document: dict[str, Any]) -> Cell:
    cell = Cell(*(document[name] for name in ("dialer", "listener", "version", "family")))
    cell.seconds = document["seconds"]
    cell.runs = [Run(**run) for run in document["runs"]]
    return cell


def _bad_client(document: dict[str, Any]) -> BadClient:
    named = _NAME.fullmatch(document["name"])
    if named is None:
        raise ValueError(f"no client is called {document['name']!r}")
    names = {**named.groupdict(), "browser": named["browser"].lower()}
    return BadClient(**names, result=document["result"], problems=document["problems"])
