"""Tests of ``examples/libp2p_chat`` with all its members; py-libp2p works on trio alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.chromium import Chromium

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def anyio_backend() -> str:
    return "trio"


@pytest.fixture
def browser() -> Iterator[Chromium]:
    with Chromium() as running:
        yield running
