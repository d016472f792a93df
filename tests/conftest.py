"""What all tests share: a shared machine may be slow, and that is no fault of the code under test."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# Who runs the tests in the background may have SIGINT ignored, which the programs under test would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class _Errors(logging.Handler):
    """Keeps what is logged as an error, as text: a record would keep the objects that it names."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture(autouse=True)
def nothing_failed_unseen(request: pytest.FixtureRequest) -> Iterator[None]:
    """What fails in a callback or a handler ends in the log alone: that is a failure of the test.

    asyncio's own log has what its callbacks raise. ``@pytest.mark.logs_errors`` is for tests that make
    such a failure.
    """
    errors = _Errors()
    loggers = [logging.getLogger(name) for name in ("webrtc_direct", "asyncio")]
    for logger in loggers:
        logger.addHandler(errors)
    yield
    for logger in loggers:
        logger.removeHandler(errors)
    if request.node.get_closest_marker("logs_errors") is None:
        assert errors.texts == []
