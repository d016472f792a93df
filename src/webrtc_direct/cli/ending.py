"""Signals that end the command: Ctrl-C (SIGINT), SIGTERM, and SIGHUP of a terminal that closes.

Whatever the command is doing, the exit code is 128 and the signal's number, after one line. While
the command loads, nothing needs to be cleaned up, and an exception could get lost in the
machinery of imports: the process exits at once. Then ``Ended`` is raised. What a signal does
while an event loop runs is the business of ``event_loop.py``. Once the command is done its exit
code stands. A signal that was ignored when the command was started stays so.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from webrtc_direct.cli.lines import can_be_written, stderr_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Act = Callable[[int, FrameType | None], object]

PROGRAM = "webrtc-direct"

_LINES: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
if sys.platform != "win32":
    _LINES[signal.SIGHUP] = "hung up"

# Whoever reads stderr has so long to take what is left.
_SECONDS = 1.0


class Ended(BaseException):
    """A signal ends the command. Not an Exception: nothing on its way may take it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell makes of a process that the signal has killed."""
        return 128 + self.number

    def say(self) -> None:
        """Write the one line about it."""
        _write(_line(self.number))


def signals_exit() -> None:
    """Let a signal end the process at once, from now on."""
    # Who started it in the background may have had some ignored, as `nohup` does with SIGHUP.
    for number in _handled_by(signal.SIG_DFL, signal.default_int_handler):
        signal.signal(number, exit_now)


def signals_raise() -> None:
    """Let a signal raise ``Ended``, from now on."""
    for number in _handled_by(exit_now):
        signal.signal(number, _raise)


@contextmanager
def signals_call(act: Act) -> Iterator[None]:
    """Let a signal call *act* in the block."""
    numbers = _handled_by(_raise)
    for number in numbers:
        signal.signal(number, act)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, _raise)


def signals_change_nothing(code: int) -> None:
    """Let a signal end the process with *code*, which it is about to do by itself."""
    for number in _handled_by(exit_now, _raise):
        # Ignored, it could not end one that waits for a reader of its output.
        signal.signal(number, lambda *_: os._exit(code))


def say(line: str) -> None:
    """Write the one line on stderr that says why the command ends."""
    _write(f"{PROGRAM}: {line}\n")


def exit_now(number: int, frame: FrameType | None) -> None:
    """Write the line and exit, whatever else the process is doing."""
    del frame
    # Not through sys.stderr, in whose lock the interrupted code may be.
    if can_be_written(descriptor := sys.stderr.fileno()):
        # The terminal may be gone, or the disk full.
        with suppress(OSError):
            os.write(descriptor, _line(number).encode())
    os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> None:
    del frame
    raise Ended(number)


def _handled_by(*handlers: object) -> list[int]:
    return [number for number in _LINES if signal.getsignal(number) in handlers]


def _line(number: int) -> str:
    # A terminal has just shown ^C.
    start = "\n" if number == signal.SIGINT and sys.stderr.isatty() else ""
    return f"{start}{PROGRAM}: {_LINES[number]}\n"


def _write(text: str) -> None:
    lines = stderr_lines()
    lines.write(text)
    lines.flush(_SECONDS)
