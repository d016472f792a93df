"""Files that hold a secret, and whom they are open to."""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING

from webrtc_direct.cli.ending import say
from webrtc_direct.cli.output import printable

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def warn_of_readers(path: Path) -> None:
    """Say on stderr that others can read or change *path*, where they can."""
    # What Windows calls a mode says nothing of others.
    if os.name == "nt":
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        name, quoted = printable(str(path)), printable(shlex.quote(str(path)))
        problem = f"others can read or change it (mode {mode:04o})"
        say(f"warning: {name} is secret, and {problem}: chmod 600 {quoted}")
