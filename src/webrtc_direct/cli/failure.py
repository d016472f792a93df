"""What the command says, and how it exits, when something goes wrong.

It turns every exception into one line. Where a user can neither cause nor mend it, the line says that
this is a fault of the package, and the log of ``-vv`` has the traceback.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from webrtc_direct.cli.output import printable
from webrtc_direct.cli.suggestions import did_you_mean
from webrtc_direct.errors import AddressError, ProtocolNotSupported, WebRtcDirectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger: logging.Logger = logging.getLogger("webrtc_direct.cli")

FAILED = 1
UNUSABLE = 2


class Failure(Exception):
    """The command cannot do what it was asked for: its one line, and its exit code."""

    def __init__(self, line: str, exit_code: int = FAILED) -> None:
        super().__init__(line)
        self.exit_code = exit_code


def failure_of(error: BaseException) -> Failure:
    """Return what to tell the user about *error*."""
    error = _first(error)
    match error:
        case Failure():
            return error
        case click.NoSuchOption():
            # click offers several, some of them far off.
            meant = did_you_mean(error.option_name, error.possibilities or ())
            return Failure(_one_line(f"no option {error.option_name}{meant}") + _hint(error.ctx), UNUSABLE)
        case click.UsageError():
            return Failure(_one_line(error.format_message()) + _hint(error.ctx), UNUSABLE)
        case click.ClickException():
            return Failure(_one_line(error.format_message()), error.exit_code)
        case AddressError():
            return Failure(_one_line(str(error)), UNUSABLE)
        case WebRtcDirectError():
            return Failure(_one_line(str(error)))
        case OSError():
            return Failure(_one_line(_system_error(error)))
        case _:
            logger.debug("a fault of this package", exc_info=error)
            what = _one_line(f"{type(error).__name__}: {error}")
            return Failure(f"{what} (a fault of this program; please report it, with what -vv logs)")


def refuse_existing(path: Path) -> None:
    """Raise ``Failure`` where *path* exists: a key that is overwritten is gone for good."""
    if path.exists():
        raise Failure(f"{printable(str(path))}: already exists, and is not overwritten")


@contextmanager
def offered_by(option: str) -> Iterator[None]:
    """Say of a peer that lacks the protocol which *option* of ``listen`` makes one that has it."""
    try:
        yield
    except* ProtocolNotSupported as errors:
        # Each stream of several asks on its own.
        line = f"{_first(errors)}: start a peer that does, with `webrtc-direct listen {option}`"
        raise Failure(line) from errors


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _hint(context: click.Context | None) -> str:
    return "" if context is None else f" (see {context.command_path} --help)"


def _system_error(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    return what if error.filename is None else f"{error.filename}: {what}"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
