"""The time of day may jump: nothing but the dates of a certificate file is compared with it.

The command's events carry it, and nothing waits for it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import webrtc_direct

PACKAGE = Path(webrtc_direct.__file__).parent
RUST = PACKAGE.parents[1] / "rust"
# What tells the time of day, in both languages.
PYTHON = {
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
    "datetime.now",
    "datetime.utcnow",
    "date.today",
}
TIME_OF_DAY = re.compile(r"SystemTime|UNIX_EPOCH|\bUtc::now|\bCLOCK_REALTIME\b")


def asking(source: str) -> list[str]:
    """Return what *source* asks of the time of day."""
    names = [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return [name for name in names if name in PYTHON or name.removeprefix("datetime.") in PYTHON]


def test_only_certificate_files_and_the_commands_events_ask_for_the_time_of_day() -> None:
    assert asking("import time\ntime.time()")
    assert asking("import datetime\ndatetime.datetime.now()")
    found = {path.relative_to(PACKAGE).as_posix(): asking(path.read_text()) for path in PACKAGE.rglob("*.py")}
    assert {name: what for name, what in found.items() if what} == {
        "identity/certificate.py": ["datetime.now"],
        "cli/listen.py": ["datetime.now"],
    }


def test_the_engine_does_not_ask_for_the_time_of_day() -> None:
    # Where the package is installed its sources may not be there.
    for path in (*RUST.glob("*/src/**/*.rs"),):
        assert not TIME_OF_DAY.search(path.read_text(encoding="utf-8")), path
