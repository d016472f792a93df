"""quinn, a QUIC in Rust, as the reference of what a path carries: with CUBIC, and with BBR."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from peers import Peer

_SOURCES = Path(__file__).resolve().parent.parent / "quinn"
_PROGRAM = _SOURCES / "target" / "release" / "webrtc-direct-quinn"
PEERS = {
    f"quinn-{controller}": Peer(
        f"quinn-{controller}", (str(_PROGRAM), "--congestion", controller), agent="quinn"
    )
    for controller in ("cubic", "bbr")
}


def release() -> str:
    """Return what exactly is run."""
    packages = tomllib.loads((_SOURCES / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    return "quinn " + next(package["version"] for package in packages if package["name"] == "quinn")


def build() -> None:
    """Build the program unless it is newer than its sources; from nothing it takes a minute or two.

    Raises:
        SystemExit: there is no Rust toolchain, or the program does not build.
    """
    if shutil.which("cargo") is None:
        raise SystemExit("error: cargo is needed to build benchmarks/quinn")
    if not _PROGRAM.exists():
        print("building benchmarks/quinn ...", file=sys.stderr, flush=True)
    command = ["cargo", "build", "--release", "--locked", "--quiet"]
    if subprocess.run(command, cwd=_SOURCES, check=False).returncode != 0:
        raise SystemExit("error: benchmarks/quinn does not build")
