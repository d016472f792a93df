"""Listeners in this process for the scenarios, which speak the protocols of ``interop/``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2] / "interop")]
importlib.import_module("scenarios")
