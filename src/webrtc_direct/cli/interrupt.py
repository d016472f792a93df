"""Ctrl-C (SIGINT): exit code 130 and one line, whatever the command is doing.

While it loads, nothing needs to be cleaned up, and an exception could get lost in the
machinery of imports: the process exits at once. Then KeyboardInterrupt is raised, and
event loops make a cancellation of it. Once the command is done its exit code stands.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PROGRAM = "webrtc-direct"
INTERRUPTED = 130

_LINE = "interrupted"
_STDERR = 2


def interrupts_exit() -> None:
    """Let an interrupt end the process at once, from now on."""
    # Who started it in the background may have had SIGINT ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def interrupts_raise() -> None:
    """Let an interrupt raise KeyboardInterrupt, from now on."""
    if signal.getsignal(signal.SIGINT) is _exit:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let an interrupt raise KeyboardInterrupt only at the end of the block."""
    held: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


def interrupts_are_over() -> None:
    """Let an interrupt change nothing any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def say(line: str) -> None:
    """Write the one line on stderr that says why the command ends."""
    _write(f"{PROGRAM}: {line}\n")


def say_interrupted() -> None:
    """Write it for an interrupt."""
    # A terminal has just shown ^C.
    _write(f"{_start()}{PROGRAM}: {_LINE}\n")


def _exit(number: int, frame: FrameType | None) -> None:
    del number, frame
    # Not through sys.stderr, in whose lock the interrupted code may be.
    with suppress(OSError):
        os.write(_STDERR, f"{_start()}{PROGRAM}: {_LINE}\n".encode())
    os._exit(INTERRUPTED)


def _start() -> str:
    return "\n" if os.isatty(_STDERR) else ""


def _write(text: str) -> None:
    # There is none where whoever started it has closed it.
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()
