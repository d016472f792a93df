"""The page of ``examples/browser/`` in Chromium, as a person uses it: ``click.mjs`` clicks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.clicking import Page

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_everything_on_the_page_works(prepared: None, tmp_path: Path) -> None:
    assembling: Any = importlib.import_module("assemble")
    folder = tmp_path / "page"
    assembling.assemble(folder)
    with Page("--web", "127.0.0.1:0", "--web-page", str(folder)) as page:
        page.click("python")
        events = [page.listener.next_event() for _ in range(7)]
    assert [event["event"] for event in events] == ["connected", "disconnected"] * 3 + ["connected"]
    assert [event["version"] for event in events[::2]] == ["v2", "v1", "v1", "v2"]
    assert {event["reason"] for event in events[1::2]} == {"remote"}
