"""Runs a program of programs/ with the Python of .venv-hosts, and says what it left behind."""

from __future__ import annotations

import os
import re
import subprocess
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"
PYTHON = ROOT / ".venv-hosts" / "bin" / "python"
HELLO = "b'hello'\n"
SECONDS = 90
# What servers say of themselves, and what debug mode says of a step of the loop that took 0.1 s.
_EXPECTED = re.compile(
    r"(INFO: |$|\(Press CTRL\+C to quit\)$|Executing <(Task|Handle|TimerHandle) .* took [0-9.]+ seconds$)"
)
_MARK = "WEBRTC_DIRECT_HOST_TEST"


def python() -> Path:
    """Return the Python that has what people use beside the package; fail where it is not installed."""
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON} is missing: run `make host-tools`", pytrace=False)
    return PYTHON


def environment(**more: str) -> dict[str, str]:
    """Return what a program finds in its environment: the package, and nothing of who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{PROGRAMS}", _MARK: uuid.uuid4().hex, **more}


def run(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    inside: Sequence[str] = (),
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run Python with these *arguments* to its end, with all its processes; *inside* of a command."""
    env = env or environment()
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    ended = subprocess.run(
        [*inside, python(), *arguments],
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
        **options,
    )
    none_is_left(env)
    return ended


def said_hello(ended: subprocess.CompletedProcess[str], stdout: str = HELLO) -> None:
    """Fail unless the program ended well, and printed this and no complaint."""
    assert (ended.returncode, ended.stdout, complaints(ended.stderr)) == (0, stdout, [])


def complaints(stderr: str) -> list[str]:
    """Return the lines that should not be there: tracebacks, warnings, errors in a log."""
    return [line for line in stderr.splitlines() if not _EXPECTED.match(line)]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server, and the URL that it says it runs at."""
    env = environment()
    server = subprocess.Popen(
        [python(), "-u", *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    try:
        yield server, _url(server)
    finally:
        server.kill()
        server.wait()
        if server.stdout:
            server.stdout.close()
    none_is_left(env)


def _url(server: subprocess.Popen[str]) -> str:
    lines = []
    for line in server.stdout or ():
        lines.append(line)
        if found := re.search(r"unning on (http://127\.0\.0\.1:\d+)", line):
            return found[1]
    raise AssertionError("".join(lines))


def none_is_left(env: Mapping[str, str]) -> None:
    """Wait until no process has this environment, which children inherit."""
    mark = f"{_MARK}={env[_MARK]}".encode()
    deadline = time.monotonic() + 10
    while left := _processes_with(mark):
        assert time.monotonic() < deadline, f"left over: {left}"
        time.sleep(0.05)


def _processes_with(mark: bytes) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
