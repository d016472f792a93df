"""A listener, and beside it the page whose Python dials it: `python examples/browser/serve.py`.

`make browser-tools` fetches Pyodide and makes the wheels that the page loads. The files come from this
machine alone.
"""

import json
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio

import webrtc_direct

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What a URL begins with, and the folder that stands for.
FOLDERS = {
    "/pyodide/": ROOT / "interop" / "browser" / "node_modules" / "pyodide",
    "/wheels/": ROOT / "build" / "browser",
    "/": HERE,
}
POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:"


class Files(SimpleHTTPRequestHandler):
    """Serves the folders above, and the listener's address."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def __init__(self, address: str, *arguments: object) -> None:
        self.address = address
        super().__init__(*arguments)  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        """Return the file that a URL stands for."""
        start = next(start for start in FOLDERS if path.startswith(start))
        self.directory = str(FOLDERS[start])
        return super().translate_path("/" + path.removeprefix(start))

    def do_GET(self) -> None:
        """Answer a request."""
        if self.path != "/address.json":
            super().do_GET()
            return
        content = json.dumps(self.address).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        """Add what holds for every file."""
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def main() -> None:
    """Serve until Ctrl-C."""
    handlers = {"/echo/1.0.0": webrtc_direct.echo_handler, "/perf/1.0.0": webrtc_direct.perf_handler}
    async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers=handlers) as listener:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, listener.addresses[0]))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main)
