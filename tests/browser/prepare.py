"""Fetches and builds what the tests in Chromium need: npm's packages, wheels, the peers of ``interop/``.

Run as ``python tests/browser/prepare.py``. What is there already is not made again, but for the
package's own wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WHEELS = ROOT / "build" / "browser"
LOCK = HERE / "requirements.lock"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
# Of the Pyodide that package.json names.
PYTHON_VERSION = "3.14"


def main() -> None:
    """Prepare everything."""
    run(str(ROOT / "interop" / "install.sh"))
    install_npm()
    fetch_wheels()
    build_wheel()
    build_peers()


def install_npm() -> None:
    """Install the locked packages; npm leaves a file of its own in node_modules when it is done."""
    done, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--silent", "--no-audit", "--no-fund")


def fetch_wheels() -> None:
    """Fetch what the package needs in a page."""
    index = WHEELS / "index.json"
    if index.exists() and index.stat().st_mtime >= LOCK.stat().st_mtime:
        return
    shutil.rmtree(WHEELS, ignore_errors=True)
    anywhere = ["--platform", "any", "--implementation", "py", "--python-version", PYTHON_VERSION]
    download = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    run(
        *download, "--require-hashes", "--no-deps", "--only-binary=:all:", *anywhere,
        "--requirement", str(LOCK), "--dest", str(WHEELS),
    )  # fmt: skip
    write_index()


def build_wheel() -> None:
    """Make the package's own wheel."""
    run(sys.executable, str(ROOT / "packaging" / "browser_wheel.py"), str(WHEELS))
    write_index()


def build_peers() -> None:
    """Build go's listener, and the bundle of js-libp2p."""
    sys.path.append(str(ROOT / "interop"))
    import builds  # noqa: PLC0415 - a script beside others, which are no package

    builds.build_js()
    builds.build_go()


def write_index() -> None:
    """Say which wheels there are: the page cannot look into a folder."""
    (WHEELS / "index.json").write_text(json.dumps(sorted(wheel.name for wheel in WHEELS.glob("*.whl"))))


def run(*command: str) -> None:
    """Run a command; its failure is ours."""
    try:
        subprocess.run(command, cwd=HERE, check=True)
    except FileNotFoundError:
        raise SystemExit(f"{command[0]} is needed") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None


if __name__ == "__main__":
    main()
