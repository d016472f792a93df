"""Nothing in the package looks for the current task where there may be none: one module decides how."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import anyio
import pytest

import webrtc_direct
from webrtc_direct.runtime.outside_tasks import Signal, clock

PACKAGE = Path(webrtc_direct.__file__).parent

# What anyio makes by asking which event loop the current task runs on. Only in tasks is there an answer
# everywhere: under asyncio.run a callback of the loop gets NoEventLoopError, or something that is made later.
ASKS = {
    "CapacityLimiter",
    "Condition",
    "Event",
    "Lock",
    "Semaphore",
    "current_effective_deadline",
    "current_time",
    "get_cancelled_exc_class",
    "get_current_task",
}


def asking(source: str) -> list[str]:
    """Return what *source* asks of anyio, or of sniffio at all."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="anyio"), attr=name) if name in ASKS:
                found.append(f"anyio.{name}, line {node.lineno}")
            case ast.ImportFrom(module="anyio", names=names):
                found += [f"anyio.{each.name}, line {node.lineno}" for each in names if each.name in ASKS]
            case ast.Import(names=names) if any(each.name.startswith("sniffio") for each in names):
                found.append(f"sniffio, line {node.lineno}")
            case ast.ImportFrom(module="sniffio"):
                found.append(f"sniffio, line {node.lineno}")
    return found


@pytest.mark.parametrize(
    "source", ["import anyio\nanyio.current_time()", "from anyio import Event", "import sniffio"]
)
def test_what_must_not_be_asked_is_found(source: str) -> None:
    assert asking(source)


def test_one_module_alone_asks_for_the_event_loop() -> None:
    found = {path.relative_to(PACKAGE).as_posix(): asking(path.read_text()) for path in PACKAGE.rglob("*.py")}
    assert [name for name, what in found.items() if what] == ["runtime/outside_tasks.py"]


def test_a_flag_and_a_clock_work_in_a_callback_of_asyncio_run() -> None:
    async def main() -> tuple[float, float]:
        now, loop = clock(), asyncio.get_running_loop()
        times: list[float] = []
        flag = Signal()

        def callback() -> None:
            times.append(now())
            Signal().set()
            flag.set()

        loop.call_soon(callback)
        await flag.wait()
        assert flag.is_set()
        await flag.wait()
        return times[0], anyio.current_time()

    read, later = asyncio.run(main())
    assert read <= later < read + 10


async def test_the_clock_is_that_of_the_event_loop() -> None:
    before = anyio.current_time()
    assert before <= clock()() <= anyio.current_time()
