"""How the process begins and ends.

Exit codes: 0 it worked, 1 it did not (one line on stderr names the cause), 2 the
address or an option is not usable, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from webrtc_direct.cli.extras import lacking
from webrtc_direct.cli.interrupt import (
    INTERRUPTED,
    interrupts_are_over,
    interrupts_exit,
    say,
    say_interrupted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and exit with its code."""
    interrupts_exit()
    line = lacking("cli")
    if line is not None:
        say(line)
        sys.exit(_FAILED)
    # Loaded only now, because that takes a while, in which Ctrl-C has to work as well.
    from webrtc_direct.cli.program import run  # noqa: PLC0415

    try:
        code = run(arguments)
    except KeyboardInterrupt:
        say_interrupted()
        code = INTERRUPTED
    interrupts_are_over()
    sys.exit(code)
