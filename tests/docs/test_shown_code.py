"""Each block of Python in the documentation is a program that tests run, or a named part of one.

The line before the block names it: ``<!-- examples/echo_server.py -->``, or with a function or class of it
``<!-- tests/hosts/programs/held.py: hold -->``. After a change of a program
``python tests/docs/test_shown_code.py`` copies it into the pages.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# What runs the programs of a folder.
RUN_BY = {
    "examples": ROOT / "tests" / "cli" / "test_examples.py",
    # The page of tests/browser/test_example.py.
    "examples/browser": ROOT / "examples" / "browser" / "main.js",
    "examples/libp2p_chat": ROOT / "tests" / "beside" / "py_libp2p" / "members.py",
    "tests/hosts/programs": ROOT / "tests" / "hosts",
    "tests/beside/py_libp2p": ROOT / "tests" / "beside" / "py_libp2p",
}
BLOCK = re.compile(
    r"(?:<!-- (?P<file>[\w./-]+\.py)(?:: (?P<part>\w+))? -->\n)?```py(?:thon)?\n(?P<code>.*?)```",
    re.DOTALL,
)


def program(file: str, part: str | None) -> str:
    """Return the code of *file*, or of the function or class *part* in it."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if part is None:
        return text
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == part:
            first = min(each.lineno for each in (node, *node.decorator_list))
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"
    raise LookupError(f"{file} has no {part}")


def blocks(page: Path) -> list[re.Match[str]]:
    return list(BLOCK.finditer(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_a_program_as_it_is(page: Path) -> None:
    assert "{literalinclude}" not in page.read_text(encoding="utf-8")
    for block in blocks(page):
        assert block["file"] is not None, f"no line names the program of:\n{block['code']}"
        assert block["code"] == program(block["file"], block["part"]), block["file"]


def test_what_is_shown_is_run() -> None:
    shown = {Path(block["file"]) for page in PAGES for block in blocks(page)}
    assert len(shown) > 15
    for file in shown:
        runner = RUN_BY[file.parent.as_posix()]
        tests = [runner] if runner.is_file() else sorted(runner.glob("test_*.py"))
        texts = [test.read_text(encoding="utf-8") for test in tests]
        assert any(re.search(rf"\b{file.stem}\b", text) for text in texts), file


def test_every_example_is_run() -> None:
    run = RUN_BY["examples"].read_text(encoding="utf-8")
    assert {path.name for path in (ROOT / "examples").glob("*.py") if path.name not in run} == set()


def copy_into(page: Path) -> None:
    """Let *page* show the programs as they are now."""

    def shown(block: re.Match[str]) -> str:
        if block["file"] is None:
            raise LookupError(f"{page}: no line names the program of:\n{block['code']}")
        before = block[0][: block.start("code") - block.start()]
        return f"{before}{program(block['file'], block['part'])}```"

    page.write_text(BLOCK.sub(shown, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for each in PAGES:
        copy_into(each)
