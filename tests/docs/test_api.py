"""The public API, name by name and parameter by parameter, is what ``docs/reference/api.txt`` says.

Where a change is meant, ``python tests/docs/test_api.py`` writes the file anew, and ``changes/`` tells of it.
``docs/reference/versions.md`` says which changes a version may bring.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import webrtc_direct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
FILE = REFERENCE / "api.txt"


def _reference() -> tuple[set[str], dict[str, set[str]]]:
    """The classes that nobody constructs, and the members that are left out, as the reference has them."""
    text = (REFERENCE / "api.md").read_text(encoding="utf-8")
    made_elsewhere: set[str] = set()
    left_out: dict[str, set[str]] = {}
    for name, empty, options in re.findall(
        r"^\.\. auto(?:class|exception):: (\w+)(\(\))?\n((?:   :.*\n)*)", text, re.MULTILINE
    ):
        if empty:
            made_elsewhere.add(name)
        excluded = re.search(r":exclude-members: (.*)", options)
        left_out[name] = set() if excluded is None else set(excluded[1].split(", "))
    return made_elsewhere, left_out


def surface() -> list[str]:
    """The lines: each public name, with the members of classes behind it."""
    made_elsewhere, left_out = _reference()
    return [
        line
        for name in sorted(webrtc_direct.__all__)
        for line in _lines(name, left_out.get(name, set()), is_made=name not in made_elsewhere)
    ]


def _lines(name: str, left_out: set[str], *, is_made: bool) -> Iterator[str]:
    value = getattr(webrtc_direct, name)
    if inspect.isfunction(value):
        yield f"{name}{_signature(value)}"
    elif not inspect.isclass(value):
        yield f"{name}: a type"
    elif issubclass(value, enum.Enum):
        yield f"{name}: {', '.join(f'{each.name}={each.value!r}' for each in value)}"
    else:
        public = [base.__name__ for base in value.__mro__[1:-1] if base.__name__ in webrtc_direct.__all__]
        yield f"class {name}({', '.join(public)})"
        if dataclasses.is_dataclass(value):
            fields = [field for field in dataclasses.fields(value) if not field.name.startswith("_")]
            yield from (f"    {name}.{field.name}: {field.type}" for field in fields)
        elif is_made and "__init__" in vars(value):
            yield f"    {name}{_signature(value)}"
        members = {
            member: inspect.getattr_static(value, member)
            for base in value.__mro__
            if base is value or (base.__module__.startswith("webrtc_direct.") and base.__name__ not in public)
            for member in vars(base)
            if not member.startswith("_") and member not in left_out
        }
        for member in sorted(members):
            yield from _member(name, member, members[member])


def _member(owner: str, name: str, value: object) -> Iterator[str]:
    if isinstance(value, property):
        yield f"    {owner}.{name}: {inspect.get_annotations(value.fget)['return']}"  # type: ignore[arg-type]
    elif isinstance(value, classmethod | staticmethod):
        yield f"    {owner}.{name}{_signature(value.__func__)}"
    elif inspect.isfunction(value):
        yield f"    {owner}.{name}{_signature(value)}"


def _signature(function: Callable[..., object]) -> str:
    """The annotations are text, which needs no quotes."""
    return str(inspect.signature(function)).replace("'", "")


def test_the_api_is_as_it_is_written_down() -> None:
    assert "\n".join(surface()) == FILE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    FILE.write_text("\n".join(surface()) + "\n", encoding="utf-8")
