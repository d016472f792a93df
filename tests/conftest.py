"""What all tests share: a shared machine may be slow, and that is no fault of the code under test."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Who runs the tests in the background may have SIGINT ignored, which the programs under test would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
