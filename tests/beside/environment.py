"""An environment with this package beside a release of py-libp2p, for what compares or combines the two.

``python -m tests.beside.environment HOME`` makes one at HOME, in place of one that is there, with what
py-libp2p's own WebRTC transport needs: the matrix of ``interop/`` runs its peers with it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.installing import build, install, make_environment

RELEASE = "0.8.1"


def libp2p_environment(home: Path, wheel: Path | None, *others: str, extra: str = "") -> Path:
    """Return the Python of a new one at *home*, with *wheel*, or one that is built now, and the *others*.

    *extra* is one of libp2p's, in brackets.
    """
    python = make_environment(home)
    with tempfile.TemporaryDirectory() as temporary:
        wheel = wheel.resolve() if wheel else build(Path(temporary))
        # At once, so that pip has to find versions that suit all.
        install(python, f"{wheel}[libp2p]", f"libp2p{extra}=={RELEASE}", *others)
    return python


if __name__ == "__main__":
    home = Path(sys.argv[1])
    shutil.rmtree(home, ignore_errors=True)
    libp2p_environment(home, None, extra="[webrtc]")
    # The last thing, so that it is there when all else is.
    (home / "made").touch()
