"""The examples run, and the README shows them as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SCREEN_LINES = 40


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_echo_client_greets_the_echo_server(backend: str) -> None:
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "echo_server.py")], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            client = subprocess.run(
                [sys.executable, "-c", RUN, str(EXAMPLES / "echo_client.py"), address, backend],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            server.kill()
    assert client.stderr == ""
    assert client.stdout.endswith("hello, world\n")
    assert "round trip" in client.stdout


def test_the_readme_shows_the_examples() -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown == [
        (EXAMPLES / name).read_text(encoding="utf-8") for name in ("echo_server.py", "echo_client.py")
    ]


def test_each_example_fits_on_a_screen() -> None:
    for example in EXAMPLES.glob("*.py"):
        assert len(example.read_text(encoding="utf-8").splitlines()) <= SCREEN_LINES, example.name


# Runs an example's main with another event loop.
RUN = """
import runpy, sys, anyio
path, address, backend = sys.argv[1:]
anyio.run(runpy.run_path(path)["main"], address, backend=backend)
"""
