"""Fetches and builds what the tests in Chromium need: npm's packages, wheels, the peers of ``interop/``.

Run as ``python tests/browser/prepare.py``. What is there already is not made again, but for the
package's own wheel.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTEROP = ROOT / "interop"
sys.path += [str(INTEROP), str(ROOT / "packaging"), str(Path(__file__).parent)]


def main() -> None:
    """Prepare everything."""
    import browser_wheel  # noqa: PLC0415 - a script beside others, which are no package
    import builds  # noqa: PLC0415
    import chromium  # noqa: PLC0415

    if subprocess.run([str(INTEROP / "install.sh")], check=False).returncode != 0:
        raise SystemExit(1)
    builds.build_python_page()
    browser_wheel.fetch(chromium.TEST_WHEELS, *chromium.TEST_REQUIREMENTS)
    builds.build_go()


if __name__ == "__main__":
    main()
