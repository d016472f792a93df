"""Web servers: their start listens, a real request dials, and a signal ends them cleanly."""

from __future__ import annotations

import signal
import urllib.request

import pytest
from tests.hosts.support import PROGRAMS, SECONDS, complaints, running

UVICORN = ("-m", "uvicorn", "--port", "0", "--no-access-log")


@pytest.mark.parametrize(
    ("app", "loop", "number"),
    [
        ("starlette_app", "asyncio", signal.SIGINT),
        ("starlette_app", "uvloop", signal.SIGTERM),
        ("django_app", "asyncio", signal.SIGTERM),
    ],
    ids=["starlette", "starlette, uvloop", "django"],
)
def test_under_uvicorn(app: str, loop: str, number: signal.Signals) -> None:
    # Uvicorn ends of the signal itself once it has cleaned up; Python makes an exit of SIGINT's.
    expected = 0 if number == signal.SIGINT else -number
    assert served((*UVICORN, "--loop", loop, f"{app}:app"), number) == (expected, [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_under_aiohttp(number: signal.Signals) -> None:
    assert served((str(PROGRAMS / "aiohttp_app.py"),), number) == (0, [])


def served(arguments: tuple[str, ...], number: signal.Signals) -> tuple[int, list[str]]:
    """Ask three times, send the signal; return the exit code and what was said from then on."""
    with running(*arguments) as (server, url):
        for _ in range(3):
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                assert answer.read() == b"b'hello'"
        server.send_signal(number)
        code = server.wait(timeout=SECONDS)
        return code, complaints(server.stdout.read() if server.stdout else "")
