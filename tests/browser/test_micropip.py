"""A site made as docs/howto/browser.md says: its page installs the wheels with micropip, and dials."""

from __future__ import annotations

import importlib
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

builds: Any = importlib.import_module("builds")
chromium: Any = importlib.import_module("chromium")

HOWTO = chromium.ROOT / "docs" / "howto" / "browser.md"
# Nothing comes from another host.
PAGE = """<!doctype html>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; script-src 'self' 'wasm-unsafe-eval'">
<script type="module" src="page.js"></script>
"""
PROGRAM = """
import js, webrtc_direct
async with webrtc_direct.dial({address!r}) as connection:
    await webrtc_direct.ping(connection)
js.document.title = str(connection.peer_id)
"""
TITLE = """(async () => {
  for (let left = 60_000; !document.title && left > 0; left -= 50) {
    await new Promise((done) => setTimeout(done, 50))
  }
  return document.title
})()"""


class Files(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(prepared: None, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "pyodide").symlink_to(builds.PYODIDE)
    shutil.copytree(builds.WHEELS, tmp_path / "wheels")
    (micropip,) = chromium.TEST_WHEELS.glob("micropip-*.whl")
    shutil.copy(micropip, tmp_path / "wheels")
    (tmp_path / "index.html").write_text(PAGE)
    (script,) = re.findall(r"```javascript\n(.*?)```", HOWTO.read_text(), re.DOTALL)
    (tmp_path / "page.js").write_text(script)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_micropip_installs_the_wheels(browser: Any, ours: Any, site: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM.format(address=ours.address))
    page = browser.visit(site)
    try:
        assert page.script(TITLE) == ours.address.split("/")[-1]
    finally:
        page.close()
