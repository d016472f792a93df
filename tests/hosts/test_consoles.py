"""Notebooks, consoles and pytest-asyncio: each statement, cell and half of a fixture is a task of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.hosts.support import HELLO, PROGRAMS, complaints, environment, run, said_hello

if TYPE_CHECKING:
    from pathlib import Path

CONSOLE = (PROGRAMS / "console.txt").read_text(encoding="utf-8")


@pytest.fixture
def empty_home(tmp_path: Path) -> dict[str, str]:
    """No settings and no history of whoever runs the tests."""
    return environment(HOME=str(tmp_path), IPYTHONDIR=str(tmp_path), JUPYTER_RUNTIME_DIR=str(tmp_path))


def test_in_a_notebook(empty_home: dict[str, str]) -> None:
    ended = run(PROGRAMS / "jupyter.py", env=empty_home)
    # Three cells greet, one is interrupted, and one greets after that; another after the rest was run again,
    # and one in the kernel that was restarted.
    said_hello(ended, f"{HELLO * 3}waits\nCancelledError\n{HELLO * 3}")


@pytest.mark.parametrize(
    "console", [("IPython", "--no-banner", "--simple-prompt"), ("asyncio",)], ids=lambda words: words[0]
)
def test_in_a_console(console: tuple[str, ...], empty_home: dict[str, str]) -> None:
    ended = run("-m", *console, input=CONSOLE, env=empty_home)
    assert ended.returncode == 0
    assert ended.stdout.count(HELLO) == 2
    assert "left\n" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_in_a_line_of_ipython(empty_home: dict[str, str]) -> None:
    said_hello(run("-m", "IPython", "-c", "from hello import main\nawait main()", env=empty_home))


def test_under_pytest_asyncio(tmp_path: Path) -> None:
    options = [
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "--confcutdir",
        str(PROGRAMS),
        "-c",
        "/dev/null",
    ]
    options += ["-o", "asyncio_default_fixture_loop_scope=function"]
    ended = run("-m", "pytest", *options, PROGRAMS / "with_pytest_asyncio.py", cwd=tmp_path)
    assert (ended.returncode, complaints(ended.stderr)) == (0, []), ended.stdout
    assert "3 passed in" in ended.stdout


def test_a_block_left_in_another_task_closes_all_and_leaves_nothing() -> None:
    ended = run("-X", "dev", "-W", "error", PROGRAMS / "another_task.py")
    said_hello(ended, f"{HELLO}closed by this end 0 1\n")


def test_on_trio_a_task_holds_a_connection_for_others() -> None:
    said_hello(run("-X", "dev", "-W", "error", PROGRAMS / "held.py"))
