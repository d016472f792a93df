"""What the numbers depend on: the machine, its load, and the versions of what ran."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from builds import GO_PROGRAM

_RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
_CPU_INFO = Path("/proc/cpuinfo")
_PACKAGE = Path(__file__).resolve().parent.parent / "src" / "webrtc_direct"
_GO_LIBP2P = "github.com/libp2p/go-libp2p"


def facts() -> dict[str, str | int | float]:
    """Return them under names for a reader."""
    go, go_libp2p = _go_versions()
    return {
        "cores": os.cpu_count() or 0,
        "processor": _processor(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "net.core.rmem_max": int(_RMEM_MAX.read_text()) if _RMEM_MAX.exists() else 0,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "webrtc-direct": version("webrtc-direct"),
        "sources": sources(),
        "go": go,
        "go-libp2p": go_libp2p,
        "load at the start": load(),
    }


def load() -> float:
    """Return how many processes wanted to run, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


def sources() -> str:
    """Return a digest of the package as it is now, engine included: it may change while it is measured."""
    digest = hashlib.sha256()
    for path in sorted(path for suffix in ("*.py", "*.so") for path in _PACKAGE.rglob(suffix)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _go_versions() -> tuple[str, str]:
    """Return the versions of Go and of go-libp2p that the program was built with."""
    done = subprocess.run(
        ["go", "version", "-m", str(GO_PROGRAM)], capture_output=True, text=True, check=True
    )
    first, *modules = done.stdout.splitlines()
    words = [line.split() for line in modules]
    libp2p = next((found[2] for found in words if found[:2] == ["dep", _GO_LIBP2P]), "unknown")
    return first.rpartition(" ")[2], libp2p
