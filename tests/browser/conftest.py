"""One Chromium for all tests, one with the field trial that forbids munging, and the listeners."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Modules that scripts and pages import, too.
sys.path[:0] = [
    str(HERE),
    str(HERE.parent / "platforms"),
    str(ROOT / "interop"),
    str(ROOT / "examples" / "browser"),
]
chromium: Any = importlib.import_module("chromium")
builds: Any = importlib.import_module("builds")
registry: Any = importlib.import_module("registry")


@pytest.fixture(scope="session")
def prepared() -> None:
    """Skip where `make browser-tools` has not been run."""
    indexes = (builds.WHEELS / "index.json", chromium.TEST_WHEELS / "index.json")
    needed = (registry.CHROMIUM, builds.NODE, builds.PYODIDE, *indexes)
    if missing := [str(path) for path in map(Path, needed) if not path.exists()]:
        pytest.skip(f"{', '.join(missing)} missing: run `make browser-tools`")
    builds.make_wheels()


@pytest.fixture(scope="session")
def browser(prepared: None) -> Iterator[Any]:
    with chromium.Chromium() as running:
        yield running


@pytest.fixture(scope="session")
def page(browser: Any) -> Any:
    return browser.open()


@pytest.fixture(scope="session")
def page_without_munging(prepared: None) -> Iterator[Any]:
    with chromium.Chromium(field_trial="no-munging") as running:
        yield running.open()


@pytest.fixture(scope="session")
def ours() -> Iterator[Any]:
    program = str(ROOT / "interop" / "python_peer.py")
    with chromium.ListenerProcess(sys.executable, program) as listener:
        yield listener


@pytest.fixture(scope="session")
def go() -> Iterator[Any]:
    if not builds.GO_PROGRAM.exists():
        pytest.skip(f"{builds.GO_PROGRAM} missing: run `make browser-tools` where Go is installed")
    with chromium.ListenerProcess(str(builds.GO_PROGRAM)) as listener:
        yield listener
