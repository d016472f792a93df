"""What docs/house.md says of the package: its rooms, their order, and where things are."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "webrtc_direct"
PAGE = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
ROOMS = re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE)
# A file, and what of it is meant: `file`: `name`, `name`
PLACES = [
    (file, name)
    for file, names in re.findall(r"`([\w/]+\.(?:py|rs))`: ((?:`[\w.]+`(?:, )?)+)", PAGE)
    for name in re.findall(r"`([\w.]+)`", names)
]


def defined(nodes: list[ast.stmt]) -> dict[str, ast.stmt]:
    """What *nodes* define, by name."""
    found: dict[str, ast.stmt] = {}
    for node in nodes:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node
    return found


def test_the_page_has_every_room_in_the_order_of_imports() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each for each in contracts if each["id"] == "layers")["layers"]
    linted = [room for layer in layers for room in re.split(r"\W+", layer)]
    assert ROOMS == [room for room in linted if (PACKAGE / room).is_dir()]
    assert set(ROOMS) == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} == set(linted) - set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_first_what_it_does_not_know(room: str) -> None:
    told = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
    assert told
    sentence = told.partition("\n")[0]
    assert sentence.endswith(".")
    assert re.search(r"\b(not|nothing|no|neither)\b", sentence.partition("; ")[2]), sentence


def test_the_page_answers_questions() -> None:
    assert len(PLACES) > 20


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_what_the_page_names_is_there(file: str, name: str) -> None:
    path = next(place / file for place in (PACKAGE, ROOT) if (place / file).is_file())
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".rs":
        assert re.search(rf"\b(fn|struct) {name}\b", source)
        return
    nodes = ast.parse(source).body
    for part in name.split("."):
        node = defined(nodes)[part]
        nodes = node.body if isinstance(node, ast.ClassDef) else []
