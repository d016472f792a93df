"""The members of the chat that no Python runs in: a page of Chromium, and a program with go-libp2p."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from tests.beside.py_libp2p.hosts import SECONDS
from tests.beside.py_libp2p.members import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.chromium import Chromium, Page

GO_NODE = (str(FOLDER / "go" / "bin" / "chat"),)
PAGE = FOLDER / "page" / "index.html"


class PageMember:
    """The page, used by its fields and what it shows."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @classmethod
    async def join(cls, browser: Chromium, *addresses: str) -> PageMember:
        """Open the page, and return once it is connected to as many as there are *addresses*.

        The first one is given in the URL, the others are typed.
        """
        url = "#".join((PAGE.as_uri(), *addresses[:1]))
        member = cls(await trio.to_thread.run_sync(partial(browser.visit, url)))
        for number, address in enumerate(addresses, start=1):
            if number > 1:
                await member.dial(address)
            # The page itself is one of them.
            await member.shows(f"document.querySelectorAll('#members .connected').length === {number + 1}")
        return member

    async def dial(self, address: str) -> None:
        await self.shows("!document.querySelector('#join button').disabled")
        await self._call(self._page.type, "#address", address)

    async def type(self, line: str) -> None:
        await self.shows("!document.querySelector('#say button').disabled")
        await self._call(self._page.type, "#line", line)

    async def has_read(self, line: str) -> bool:
        lines = "[...document.querySelectorAll('#lines .text')].map((each) => each.textContent)"
        return bool(await self._call(self._page.script, f"{lines}.includes({json.dumps(line)})"))

    async def shows(self, condition: str) -> None:
        """Wait for a *condition*, in JavaScript."""
        with trio.fail_after(SECONDS):
            while not await self._call(self._page.script, condition):  # noqa: ASYNC110 - a page tells nobody
                await trio.sleep(0.1)

    async def text(self, selector: str) -> str:
        return str(
            await self._call(self._page.script, f"document.querySelector({json.dumps(selector)}).innerText")
        )

    async def picture(self, path: Path) -> None:
        await self._call(self._page.screenshot, path)

    async def _call(self, function: Any, *arguments: object) -> Any:
        return await trio.to_thread.run_sync(partial(function, *arguments))
