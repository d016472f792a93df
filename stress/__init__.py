"""Long runs against the worst that networks and peers do: ``python -m stress``.

docs/reliability.md tells what was measured, and ``python -m stress`` writes it. The programs
of ``interop/`` are the peers; all traffic stays on loopback.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The modules of interop/ are scripts that import each other by their bare names.
sys.path.append(str(Path(__file__).resolve().parent.parent / "interop"))
