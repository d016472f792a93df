"""The page in Chromium, as a person uses it: ``click.mjs`` clicks."""

from __future__ import annotations

import json
import os
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import RunningListener

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / "interop" / "browser" / "node_modules" / ".bin" / "node"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
SECONDS = 150

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no Chromium at {CHROMIUM}"),
    pytest.mark.skipif(not NODE.exists(), reason="interop/browser has no node_modules: npm ci makes them"),
]


class Page:
    """A listener in a process of its own, and the address of its page."""

    def __init__(self, *words: str) -> None:
        self.listener = RunningListener(*words)
        self.url: str = self.listener.next_event()["url"]

    def click(self, scenario: str, url: str | None = None) -> dict[str, Any]:
        """Run *scenario*, and return what was measured."""
        script = Path(__file__).with_name("click.mjs")
        words = [str(NODE), str(script), scenario, url or self.url, str(self.listener.process.pid)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen


@pytest.fixture
def page() -> Iterator[Page]:
    yield from _page("--web", "127.0.0.1:0")


@pytest.fixture
def public_page() -> Iterator[Page]:
    yield from _page("--web", "0.0.0.0:0", "/ip4/0.0.0.0/udp/0/webrtc-direct")


def _page(*words: str) -> Iterator[Page]:
    page = Page(*words)
    yield page
    page.listener.process.kill()
    page.listener.process.communicate()


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
