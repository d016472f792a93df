"""A pytest plugin that runs async tests the way people run programs: ``asyncio.run``, ``uvloop.run``, ...

anyio's plugin, which the tests have otherwise, names the event loop for all that runs in it, callbacks
included. Programs do not, and what then fails is seen by nobody else. With this plugin:

    python -m pytest -p no:anyio -p tests.ways --way asyncio.run tests/integration

``make test-ways`` is ``python -m tests.ways``, which does that for each way.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio
import uvloop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Main = Callable[[], Awaitable[None]]


def asyncio_runner(main: Main, **options: Any) -> None:
    """Run *main* as a program does that sets something of its event loop."""
    with asyncio.Runner(**options) as runner:
        # Tests read the log, and debug mode warns in it of each callback that a busy machine makes slow.
        runner.get_loop().slow_callback_duration = math.inf
        runner.run(_coroutine(main))


def trio_as_guest(main: Main) -> None:
    """Run *main* on trio, which is a guest of asyncio's event loop."""

    async def host() -> None:
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        trio.lowlevel.start_guest_run(
            main, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=over.set_result
        )
        (await over).unwrap()

    asyncio.run(host())


async def _coroutine(main: Main) -> None:
    await main()


WAYS: dict[str, Callable[[Main], object]] = {
    "anyio.run on asyncio": anyio.run,
    "anyio.run on trio": partial(anyio.run, backend="trio"),
    "asyncio.run": lambda main: asyncio.run(_coroutine(main)),
    "asyncio.Runner(debug=True)": partial(asyncio_runner, debug=True),
    "uvloop.run": lambda main: uvloop.run(_coroutine(main)),
    "asyncio.Runner(loop_factory=uvloop.new_event_loop)": partial(
        asyncio_runner, loop_factory=uvloop.new_event_loop
    ),
    "trio.run": trio.run,
    "trio as a guest of asyncio": trio_as_guest,
}


# What every way has to pass.
SUITES = ("tests/integration", "tests/integration_memory", "tests/platforms")
# They mostly wait, for what is to happen or for a timeout.
_AT_ONCE = 2 * (os.cpu_count() or 1)


class Fixture:
    """An async fixture, which can be made only once the event loop of its test runs."""

    made = 0

    def __init__(self, function: Callable[..., AsyncIterator[object]], arguments: dict[str, object]) -> None:
        # One that another one needs comes before it.
        Fixture.made += 1
        self.number = Fixture.made
        self.make = partial(asynccontextmanager(function), **arguments)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, and what anyio's plugin would have added."""
    parser.addoption("--way", choices=WAYS, required=True, help="how a program is run")
    parser.addini("anyio_mode", default="strict", help="of anyio's plugin, which this one replaces")


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker of anyio's plugin."""
    config.addinivalue_line("markers", "anyio: all async tests are run")


def pytest_report_header(config: pytest.Config) -> str:
    """Say how the tests are run."""
    return f"run by {config.getoption('way')}"


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(obj: object) -> None:
    """Let tests say, as they do for anyio's plugin, that they are for one library alone."""
    for mark in getattr(obj, "pytestmark", ()):
        if mark.name == "parametrize" and mark.args[0] == "anyio_backend":
            pytest.mark.usefixtures("anyio_backend")(obj)
            return


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: Any) -> object | None:
    """Put off an async fixture until its test runs."""
    # The type of *request* is one that pytest keeps to itself.
    if not inspect.isasyncgenfunction(fixturedef.func):
        return None
    arguments = {name: request.getfixturevalue(name) for name in fixturedef.argnames}
    fixture = Fixture(fixturedef.func, arguments)
    fixturedef.cached_result = (fixture, fixturedef.cache_key(request), None)
    return fixture


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test with its fixtures around it."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    wanted = inspect.signature(test).parameters
    for_library = pyfuncitem.funcargs.get("anyio_backend")

    async def main() -> None:
        library = "trio" if trio.lowlevel.in_trio_run() else "asyncio"
        if for_library not in (None, library):
            pytest.skip(f"for {for_library} alone")
        async with AsyncExitStack() as ends:
            values = dict(pyfuncitem.funcargs)
            fixtures = {name: value for name, value in values.items() if isinstance(value, Fixture)}
            for name, fixture in sorted(fixtures.items(), key=lambda item: item[1].number):
                values[name] = await ends.enter_async_context(fixture.make())
            await test(**{name: values[name] for name in wanted})

    WAYS[pyfuncitem.config.getoption("way")](main)
    return True


def run_tests(way: str) -> tuple[str, int, str]:
    """Pass the suites in one *way*; returns it, the exit code, and what was printed."""
    plugins = ("-p", "no:anyio", "-p", "no:cacheprovider", "-p", "tests.ways")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "--way", way, *SUITES]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return way, done.returncode, done.stdout


def main() -> int:
    """Run the suites in every way, some at once; returns the exit code."""
    failed = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for way, code, output in pool.map(run_tests, WAYS):
            lines = output.strip().splitlines()
            print(f"{way}: {lines[-1] if lines else 'printed nothing'}", flush=True)
            if code != 0:
                failed.append(way)
                print(output, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
