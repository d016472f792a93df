"""What all tests share: a shared machine may be slow, and that is no fault of the code under test."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
