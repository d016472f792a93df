"""Where this Python runs: the one place that asks.

Only the platforms, the primitives and what holds a block (``hosted.py``) may know the answer; whatever is
above them is the same everywhere (import-linter holds it).
"""

from __future__ import annotations

import sys

# Never found out by trying: under Pyodide a UDP socket seems to work.
IN_BROWSER: bool = sys.platform == "emscripten"
"""Whether JavaScript is around this Python: Pyodide, PyScript."""
