"""How the process begins and ends.

Exit codes: 0 it worked, 1 it did not (one line on stderr names the cause), 2 the
address or an option is not usable, 128 + N it was ended by signal N: 130 Ctrl-C,
143 SIGTERM, 129 SIGHUP.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from webrtc_direct.cli.ending import Ended, say, signals_change_nothing, signals_exit
from webrtc_direct.cli.extras import lacking

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and exit with its code."""
    _open_missing()
    signals_exit()
    line = lacking("cli")
    if line is not None:
        say(line)
        sys.exit(_FAILED)
    # Loaded only now, because that takes a while, in which a signal has to work as well.
    from webrtc_direct.cli.program import run  # noqa: PLC0415

    try:
        code = run(arguments)
    except Ended as ended:
        ended.say()
        code = ended.exit_code
    signals_change_nothing(code)
    sys.exit(code)


def _open_missing() -> None:
    """Where a standard stream was closed (``2>&-``), open nothing: the next socket would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It gets the lowest number that is free: its own.
            setattr(sys, name, open(os.devnull, mode))
