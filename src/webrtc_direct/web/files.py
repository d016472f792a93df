"""The files of the built-in page, and the types of all files."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

# By suffix. The built-in page has the first four.
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "wasm": "application/wasm",
    "json": "application/json",
    "map": "application/json",
    "whl": "application/zip",
    "zip": "application/zip",
    "py": "text/x-python; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
INDEX = "index.html"
NAMES = (
    INDEX,
    "style.css",
    "icon.svg",
    "main.js",
    *(
        f"panels/{name}.js"
        for name in (
            "connections", "dialing", "echo", "elements", "meter", "ping", "plot", "timeline", "transfer",
            "words",
        )
    ),
    *(
        f"client/{name}.js"
        for name in (
            "address", "bytes", "connection", "framing", "identify", "identity", "multistream", "noise",
            "perf", "ping", "protobuf", "sdp", "steps", "stream",
        )
    ),
    *(f"vendor/noble-ciphers/{name}.js" for name in ("chacha", "_arx", "_poly1305", "utils")),
)  # fmt: skip


class File(NamedTuple):
    """What a path of a URL stands for."""

    content_type: str
    body: bytes


def load_files() -> dict[str, File]:
    """Return the table of everything that is served, by the path of its URL."""
    folder = files(__package__) / "page"
    table = {f"/{name}": File(TYPES[name.rpartition(".")[2]], (folder / name).read_bytes()) for name in NAMES}
    table["/"] = table.pop(f"/{INDEX}")
    return table
