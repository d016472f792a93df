"""The same program in every way to run an event loop, and with asyncio's own tools around it."""

from __future__ import annotations

import sys

import pytest
from tests.hosts.support import HELLO, PROGRAMS, run, said_hello

WAYS = [
    "asyncio.run",
    "asyncio.run, debug",
    "asyncio.Runner, debug",
    "asyncio.Runner, uvloop",
    pytest.param(
        "asyncio, eager tasks",
        marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 has eager tasks"),
    ),
    "a loop of its own",
    "uvloop.run",
    "anyio.run, asyncio",
    "anyio.run, asyncio with uvloop",
    "anyio.run, trio",
    "trio.run",
    "trio, guest of asyncio",
]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_run_a_loop_works(way: str) -> None:
    said_hello(run("-X", "dev", "-W", "error", PROGRAMS / "run_by.py", way))


def test_task_groups_timeouts_and_cancellation_of_asyncio_work() -> None:
    said_hello(run("-X", "dev", "-W", "error", PROGRAMS / "tasks.py"))


def test_a_signals_handler_ends_a_connection() -> None:
    said_hello(run("-X", "dev", "-W", "error", PROGRAMS / "signals.py"))


def test_loops_of_two_threads_dial_each_other() -> None:
    said_hello(run("-X", "dev", "-W", "error", PROGRAMS / "threads.py"), f"20 {HELLO}")


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_children_of_multiprocessing_dial_and_listen(method: str) -> None:
    # Python 3.12 warns of any fork in a program with threads; the engine has one.
    said_hello(run(PROGRAMS / "processes.py", method), f"{HELLO}{HELLO}0\n")
