"""What ``import webrtc_direct`` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import webrtc_direct

HEAVY = ("anyio", "asyncio", "trio", "cryptography", "base58")


def test_every_public_name_is_there() -> None:
    missing = [name for name in webrtc_direct.__all__ if getattr(webrtc_direct, name, None) is None]
    assert missing == []
    assert set(webrtc_direct.__all__) <= set(dir(webrtc_direct))


def test_the_package_knows_its_version_and_runs_as_the_command() -> None:
    command = [sys.executable, "-m", "webrtc_direct", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == webrtc_direct.__version__ == version("webrtc-direct")


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(webrtc_direct, "no_such_name")


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = f"import sys, webrtc_direct; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
