"""One module asks where this Python runs, two places reach JavaScript, and a page needs little else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "webrtc_direct"
JAVASCRIPT = re.compile(r"^\s*(?:import|from) (?:js|pyodide)\b", re.MULTILINE)


def files_with(pattern: re.Pattern[str]) -> set[str]:
    files = SOURCES.rglob("*.py")
    return {str(file.relative_to(SOURCES)) for file in files if pattern.search(file.read_text())}


def test_one_module_asks_for_the_platform() -> None:
    # Who may import it, import-linter holds.
    assert files_with(re.compile("emscripten")) == {"runtime/environment.py"}


def test_javascript_is_reached_from_the_platform_and_the_primitives_alone() -> None:
    assert files_with(JAVASCRIPT) == {
        "platform/browser.py",
        "platform/browser_connection.py",
        "platform/browser_javascript.py",
        "primitives/browser.py",
        "primitives/browser_promises.py",
    }


def test_what_a_page_installs_is_what_the_package_needs_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    elsewhere = "sys_platform != 'emscripten'"
    needed = {re.split(r"\W", line)[0] for line in project["dependencies"] if elsewhere not in line}
    asked = (ROOT / "packaging" / "browser-requirements.in").read_text().splitlines()
    assert needed == {line for line in asked if line.isalnum()}
