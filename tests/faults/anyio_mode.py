"""A plugin for pytest: what ``anyio_mode = "auto"`` does, for versions of anyio that do not know it.

The lowest version of anyio that the package allows is one of them; see ``bounds_check.py``.
"""

from __future__ import annotations

import inspect

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    try:
        parser.addini("anyio_mode", "as in newer versions of anyio")
    except ValueError:
        # This version knows it.
        return


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Let anyio run each asynchronous test."""
    if collector.istestfunction(obj, name) and inspect.iscoroutinefunction(obj):
        pytest.mark.anyio(obj)
        pytest.mark.usefixtures("anyio_backend")(obj)
