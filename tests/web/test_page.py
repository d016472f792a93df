"""The page in Chromium, as a person uses it: ``click.mjs`` clicks."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from tests.web.clicking import CHROMIUM, NODE, Page

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no Chromium at {CHROMIUM}"),
    pytest.mark.skipif(not NODE.exists(), reason="interop/browser has no node_modules: npm ci makes them"),
]


@pytest.fixture
def page() -> Iterator[Page]:
    with Page("--web", "127.0.0.1:0") as page:
        yield page


@pytest.fixture
def public_page() -> Iterator[Page]:
    with Page("--web", "0.0.0.0:0", "/ip4/0.0.0.0/udp/0/webrtc-direct") as page:
        yield page


def test_everything_on_the_page_works(page: Page) -> None:
    seen = page.click("all")
    assert len(seen["speeds"]) == 2
    events = [page.listener.next_event() for _ in range(4)]
    assert [event["event"] for event in events] == ["connected", "disconnected", "connected", "disconnected"]
    assert [events[0]["version"], events[2]["version"]] == ["v1", "v2"]
    # The page keeps its identity, and hangs up when it is closed.
    assert len({event["peer_id"] for event in events}) == 1
    assert [events[1]["reason"], events[3]["reason"]] == ["remote", "remote"]


def test_a_browser_that_refuses_v1_dials_v2(page: Page) -> None:
    page.click("refused")


def test_the_end_of_the_listener_is_said_in_words(page: Page) -> None:
    page.click("ended")


def test_without_a_secure_context_the_page_says_what_to_do(public_page: Page) -> None:
    ips = [address.split("/")[2] for address in public_page.listener.listening["addresses"]]
    outside = [ip for ip in ips if not ip_address(ip).is_loopback]
    if not outside:
        pytest.skip("this machine has no address but loopback")
    public_page.click("insecure", public_page.url.replace("127.0.0.1", outside[0]))
