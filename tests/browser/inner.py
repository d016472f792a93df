"""Runs a test file with pytest where this Python is: in a page, whose event loop runs the async tests."""

import contextlib
import inspect
import io
from collections.abc import Sequence
from typing import Any

import pytest
from pyodide.ffi import run_sync  # noqa: TID251 - this runs in a page alone

OPTIONS = (
    "--import-mode=importlib",
    "--capture=sys",
    "--tb=short",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:faulthandler",
)


class InPage:
    """A plugin in place of anyio's, whose ``run`` does not work in a page; it counts what passed, too."""

    def __init__(self) -> None:
        self.passed = 0

    def pytest_configure(self, config: pytest.Config) -> None:
        """Know the mark that anyio's plugin knows."""
        config.addinivalue_line("markers", "anyio: async tests")

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Suspend WebAssembly until an async test is done."""
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = inspect.signature(pyfuncitem.obj).parameters
        run_sync(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count."""
        self.passed += report.when == "call" and report.passed


def run(file: str, left_out: Sequence[str]) -> dict[str, Any]:
    """Run a file without the tests of that many names: pytest's exit code, its report, how many passed."""
    plugin, report = InPage(), io.StringIO()
    deselect = [f"--deselect={file}::{name}" for name in left_out]
    with contextlib.redirect_stdout(report):
        code = pytest.main([file, *OPTIONS, "-p", "no:anyio", "-W", "error", *deselect], plugins=[plugin])
    return {"code": int(code), "report": report.getvalue(), "passed": plugin.passed}
