"""What the documentation says is there: tests, names, limits, commands, links."""

from __future__ import annotations

import dataclasses
import re
import shlex
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import webrtc_direct
from webrtc_direct import Limits
from webrtc_direct.cli.program import command as program

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "SECURITY.md", *DOCS.rglob("*.md")])
ADDRESS = (
    "/ip4/192.0.2.7/udp/4001/webrtc-direct/certhash/uEiAFC8WCXElBJYRxnXYcWPsTXIXm0aG_Oetbtt7OrJdhEg"
    "/p2p/12D3KooWNe8rNSxWvaBJQwfJvesmUdYCxEJ7rGLSKppCGAsFSe3H"
)
NAMED_TEST = re.compile(r"`((?:tests|rust)/[\w./-]+)::(\w+)`")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_named_test_exists(page: Path) -> None:
    missing = []
    for file, name in NAMED_TEST.findall(read(page)):
        path = ROOT / file
        definition = rf"#\[test\]\s+fn {name}\(" if path.suffix == ".rs" else rf"def {name}\("
        if not name.startswith("test_") and path.suffix == ".py":
            missing.append(f"{name} is not a test")
        elif not path.is_file() or not re.search(definition, read(path)):
            missing.append(f"{file}::{name}")
    assert missing == []


def test_every_promise_names_a_test() -> None:
    promises = re.findall(r"^- .*\n(?: +.*\n)*", read(DOCS / "guarantees.md"), re.MULTILINE)
    assert len(promises) > 40
    assert [promise for promise in promises if not NAMED_TEST.search(promise)] == []


def test_every_limit_stands_beside_a_test() -> None:
    named = re.findall(r"^\| `(\w+)` \| `(?:tests|rust)/", read(DOCS / "guarantees.md"), re.MULTILINE)
    assert named == [field.name for field in dataclasses.fields(Limits)]


def test_every_requirement_of_the_spec_is_held_or_explained() -> None:
    rows = re.findall(
        r"^\| ([A-Z(][^|*]+) \| ([^|]+) \| (.+) \|$", read(DOCS / "spec-coverage.md"), re.MULTILINE
    )
    assert len(rows) > 40
    for word, requirement, answer in rows:
        # A MUST without a test says why it cannot be broken.
        reason = re.search(
            r"Does not arise|Nothing can be|\bNo[:.]|\*\*(Deviation|Not done)\.|[Tt]he same deviation", answer
        )
        reason = reason or re.search(r"No: ", answer)
        assert NAMED_TEST.search(answer) or reason, (word, requirement)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)", read(page))
    targets += re.findall(r"\{include\} (\S+)", read(page))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_reference_has_every_public_name() -> None:
    described = set(re.findall(r"^\.\. auto\w+:: (\w+)", read(DOCS / "reference" / "api.md"), re.MULTILINE))
    assert set(webrtc_direct.__all__) - described == set()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_limit_that_is_named_exists(page: Path) -> None:
    fields = {field.name for field in dataclasses.fields(Limits)}
    assert set(re.findall(r"Limits\.(\w+)", read(page))) - fields == set()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_modules_that_are_named_exist(page: Path) -> None:
    package = ROOT / "src" / "webrtc_direct"
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", read(page)))
    places = (package, ROOT, ROOT / "examples")
    # The tutorial's reader writes these two.
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def commands(page: Path) -> Iterator[str]:
    """Each call of the command line in *page*'s blocks of code."""
    blocks = re.findall(r"```console\n(.*?)```", read(page), re.DOTALL)
    blocks += re.findall(r"^ {4}.*$", read(page), re.MULTILINE)
    for line in "\n".join(blocks).splitlines():
        for part in re.split(r"[|]|\$ ", line.partition(" #")[0]):
            words = part.strip().removeprefix(".venv/bin/")
            if words.startswith("webrtc-direct"):
                yield re.sub(r"[<>] *\S+", "", words).strip()


CALLS = sorted({call for page in PAGES for call in commands(page)})


@pytest.mark.parametrize("call", CALLS)
def test_commands_that_are_shown_can_be_called(call: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    # What is in build/ is there only once `make` has made it.
    address = tmp_path / "address.txt"
    address.write_text(ADDRESS, encoding="ascii")
    stand_ins = {
        "MULTIADDR": ADDRESS,
        "FILE": str(file),
        "FOLDER": str(tmp_path),
        "@address.txt": f"@{address}",
    }
    words = [
        str(tmp_path) if word.startswith("build/") else stand_ins.get(word, word)
        for word in shlex.split(call)[1:]
    ]
    command: click.Command | None = program
    while isinstance(command, click.Group):
        options = list(takewhile(lambda word: word.startswith("-"), words))
        assert set(options) <= {name for option in command.params for name in option.opts}
        if len(options) == len(words):
            return
        command = command.get_command(click.Context(command), words[len(options)])
        words = words[len(options) + 1 :]
    assert command is not None
    # It parses the words, and runs nothing but --help, which exits.
    with suppress(click.exceptions.Exit):
        command.make_context(command.name, words)


def test_the_documentation_calls_the_command_line() -> None:
    assert len(CALLS) > 10
