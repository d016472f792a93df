"""Lines for whoever may not read them: a pipe that is full, a terminal that was stopped, a full disk.

The one who has something to say does not wait. A thread writes; so much waits for it, and what is
beyond that is left out and counted.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import threading
from collections import deque
from functools import cache
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WAITING = 1 << 20
_MAX_WRITE = 1 << 16
# At the end of the process the reader has so long to take what waits.
_LAST_SECONDS = 1.0


class LineWriter:
    """Writes lines to *stream* in a thread of its own.

    *left_out* makes the line that stands where so many are missing. *reader_gone* is called in that thread,
    once, when nobody will ever read.
    """

    def __init__(
        self, stream: TextIO, left_out: Callable[[int], str], reader_gone: Callable[[], None] = lambda: None
    ) -> None:
        self._descriptor = stream.fileno()
        self._encoding, self._errors = stream.encoding, stream.errors or "strict"
        self._left_out = left_out
        self._reader_gone = reader_gone
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._missing = 0
        self._writing = False
        self._thread: threading.Thread | None = None
        self.gone: bool = False

    def write(self, line: str) -> None:
        """Have *line*, which ends with a newline, written as soon as it can be."""
        data = line.encode(self._encoding, self._errors)
        with self._changed:
            if self.gone:
                return
            if self._bytes + len(data) > MAX_WAITING:
                self._missing += 1
                return
            self._tell_missing()
            self._append(data)

    def flush(self, seconds: float) -> None:
        """Return when everything is written, or after *seconds*."""
        with self._changed:
            if not self.gone:
                self._tell_missing()
            self._changed.wait_for(lambda: not (self._waiting or self._writing), seconds)

    def _tell_missing(self) -> None:
        if self._missing:
            missing, self._missing = self._missing, 0
            self._append(self._left_out(missing).encode(self._encoding, self._errors))

    def _append(self, data: bytes) -> None:
        self._waiting.append(data)
        self._bytes += len(data)
        if self._thread is None:
            # A daemon: one that nobody reads must not keep the process.
            self._thread = threading.Thread(target=self._run, name="webrtc-direct lines", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while not self.gone:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                lines = self._take()
                self._writing = True
            missing, gone = 0, False
            try:
                _write_all(self._descriptor, b"".join(lines))
            except BrokenPipeError:
                gone = True
            except OSError:
                # A full disk may have room again later.
                missing = len(lines)
            with self._changed:
                self._writing = False
                self._missing += missing
                self.gone = gone
                if gone:
                    self._waiting.clear()
                self._changed.notify_all()
        self._reader_gone()

    def _take(self) -> list[bytes]:
        lines: list[bytes] = []
        size = 0
        while self._waiting and size < _MAX_WRITE:
            lines.append(self._waiting.popleft())
            size += len(lines[-1])
        self._bytes -= size
        return lines


class LogHandler(logging.Handler):
    """Has what is logged written by *lines*."""

    def __init__(self, lines: LineWriter) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record*."""
        try:
            self._lines.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - logging wants it so: a line that cannot be made is no reason to fail
            self.handleError(record)

    def flush(self) -> None:
        """Wait a while for the reader."""
        self._lines.flush(_LAST_SECONDS)


@cache
def stderr_lines() -> LineWriter:
    """What writes to stderr."""
    return LineWriter(sys.stderr, lambda count: f"webrtc-direct: {count} lines were dropped here\n")


def can_be_written(descriptor: int) -> bool:
    """Say whether a short line can be written without waiting."""
    if sys.platform == "win32":
        return True
    waiting = select.poll()
    waiting.register(descriptor, select.POLLOUT)
    return bool(waiting.poll(0))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
