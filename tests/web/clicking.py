"""A page in Chromium: ``click.mjs`` clicks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cli.conftest import RunningListener

if TYPE_CHECKING:
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / "interop" / "browser" / "node_modules" / ".bin" / "node"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
SECONDS = 150


class Page:
    """A listener in a process of its own, and the address of its page; for ``with``."""

    def __init__(self, *words: str) -> None:
        self.listener = RunningListener(*words)
        self.url: str = self.listener.next_event()["url"]

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.listener.process.kill()
        self.listener.process.communicate()

    def click(self, scenario: str, url: str | None = None) -> dict[str, Any]:
        """Run *scenario*, and return what was measured."""
        script = Path(__file__).with_name("click.mjs")
        words = [str(NODE), str(script), scenario, url or self.url, str(self.listener.process.pid)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen
