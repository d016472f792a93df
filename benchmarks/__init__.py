"""webrtc-direct beside go-libp2p, in one run on one machine: ``python -m benchmarks``.

docs/benchmarks.md tells what each number means. The programs that are measured, and the
code that starts them, are those of ``interop/``.
"""

import sys
from pathlib import Path

# The modules of interop/ are scripts that import each other by their bare names.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interop"))
