"""Chromium with pages that run Python, and the listeners that they dial: each a process of its own."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# The Node that its packages are locked with.
NODE = ROOT / "interop" / "browser" / "node_modules" / ".bin" / "node"
# What pages import beside the package.
MODULES = (
    ROOT / "interop" / "content.py",
    ROOT / "interop" / "python_transfers.py",
    ROOT / "interop" / "python_endings.py",
    ROOT / "tests" / "platforms" / "scenarios.py",
    ROOT / "examples" / "browser" / "program.py",
)
# What tests need in a page beside the package: pytest, micropip.
TEST_REQUIREMENTS = (HERE / "requirements.lock", HERE / "micropip.lock")
TEST_WHEELS = ROOT / "build" / "browser-tests"
# Longer than whatever a test does there.
_SECONDS = 150


class PageError(Exception):
    """What was run in a page failed; the text is the traceback."""


class Chromium:
    """A headless Chromium, for ``with``."""

    def __init__(self, *, field_trial: str = "") -> None:
        command = [str(NODE), str(HERE / "drive.js")]
        if field_trial:
            command += ["--field-trial", field_trial]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._numbers = itertools.count()
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_SECONDS)
        finally:
            self._process.kill()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def open(self) -> Page:
        """Open a page with Python, the package and the modules for tests."""
        page = Page(self, self.call("open"))
        for module in MODULES:
            self.call("file", page=page.number, name=module.name, text=module.read_text())
        return page

    def visit(self, url: str) -> Page:
        """Open the page at *url*, as it is."""
        return Page(self, self.call("visit", url=url))

    def start(self, operation: str, **arguments: object) -> int:
        """Begin an operation of ``drive.js``; ``finish`` gives its value."""
        number = next(self._numbers)
        self._answers[number] = queue.SimpleQueue()
        if self._process.stdin is None:
            raise AssertionError
        self._process.stdin.write(json.dumps({"id": number, "op": operation, **arguments}) + "\n")
        self._process.stdin.flush()
        return number

    def finish(self, number: int) -> Any:
        """Return what an operation gives. Raises PageError."""
        answer = self._answers[number].get(timeout=_SECONDS)
        del self._answers[number]
        if "error" in answer:
            raise PageError(answer["error"])
        return answer["value"]

    def call(self, operation: str, **arguments: object) -> Any:
        """Carry out an operation. Raises PageError."""
        return self.finish(self.start(operation, **arguments))

    def _read(self) -> None:
        if self._process.stdout is None:
            raise AssertionError
        for line in self._process.stdout:
            answer = json.loads(line)
            self._answers[answer["id"]].put(answer)


class Page:
    """A page, with Python in it if `open` opened it."""

    def __init__(self, chromium: Chromium, number: int) -> None:
        self.number = number
        self._chromium = chromium

    def start(self, code: str, **names: object) -> int:
        """Begin to run Python *code* with *names* defined; the value of its last expression is JSON."""
        definitions = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        return self._chromium.start("python", page=self.number, code=f"import json\n{definitions}{code}")

    def run(self, code: str, **names: object) -> Any:
        """Run Python *code* with *names* defined. Raises PageError."""
        return self._chromium.finish(self.start(code, **names))

    def finish(self, number: int) -> Any:
        """Return what started code gives. Raises PageError."""
        return self._chromium.finish(number)

    def script(self, source: str) -> Any:
        """Run JavaScript. Raises PageError."""
        return self._chromium.call("script", page=self.number, source=source)

    def heap(self) -> int:
        """Return the bytes in use by JavaScript, after a collection."""
        size: int = self._chromium.call("heap", page=self.number)
        return size

    def type(self, field: str, text: str) -> None:
        """Type *text* into a *field*, a CSS selector, and press Enter."""
        self._chromium.call("type", page=self.number, field=field, text=text)

    def screenshot(self, path: Path) -> None:
        """Write a PNG of what is seen."""
        self._chromium.call("screenshot", page=self.number, path=str(path))

    def close(self) -> None:
        """Close the tab."""
        self._chromium.call("close", page=self.number)


class ListenerProcess:
    """A listener of ``interop/`` in a process of its own, for ``with``."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen([*command, "listen"], stdout=subprocess.PIPE, text=True)
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.address: str = self.expect("listening")["addresses"][0]

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def __enter__(self) -> ListenerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def expect(self, name: str, seconds: float = 30) -> dict[str, Any]:
        """Return the next event of this name; others are thrown away."""
        while True:
            event = self._events.get(timeout=seconds)
            if event["event"] == name:
                return event

    def _read(self) -> None:
        if self._process.stdout is None:
            raise AssertionError
        for line in self._process.stdout:
            self._events.put(json.loads(line))
