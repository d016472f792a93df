"""Every test here ends as it began: no task, thread, descriptor or object of the package is left."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING

import pytest
from tests.faults.support import Holdings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
async def _held() -> AsyncIterator[None]:
    holdings = Holdings()
    yield
    await holdings.returned()


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> None:
    # A test that is not async has only processes of its own.
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("_held")


class _Lines(logging.Handler):
    """Keeps what is logged as text, and so does the record then: it would keep the objects it names."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.lines.append(text)
        record.msg, record.args, record.exc_info, record.exc_text = text, None, None, None


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Everything that the package logs, down to DEBUG: an entry for each record, with its traceback."""
    handler = _Lines()
    logger = logging.getLogger("webrtc_direct")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.lines
    logger.setLevel(level)
    logger.removeHandler(handler)
