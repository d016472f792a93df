"""A page of the user's own, in place of the built-in one: the files of a folder, read once.

Nothing is looked for on the disk afterwards, so that no request can lead out of the folder.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from webrtc_direct.web.files import INDEX, TYPES, File
from webrtc_direct.web.responses import LISTENER_JSON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webrtc_direct.web.bounds import WebBounds

_OTHER_TYPE = "application/octet-stream"
# What browsers leave as it is in the path of a URL, beside letters, digits and "_.-~".
_UNQUOTED = "/!$&'()*+,;=:@[]|"


def read_folder(folder: Path, bounds: WebBounds) -> dict[str, File]:
    """Return everything in *folder* by the path of its URL; what begins with a dot is left out.

    Raises:
        ValueError: it is no page, has what cannot be served, or more of it than *bounds* has room for.
        OSError: it cannot be read.
    """
    root = folder.resolve(strict=True)
    table: dict[str, File] = {}
    room = bounds.max_page_bytes
    for path in _files(root, root):
        name = path.relative_to(root).as_posix()
        if len(table) == bounds.max_page_files:
            raise ValueError(f"there are more than {bounds.max_page_files} files")
        with path.open("rb") as file:
            # No more than there is room for, even of a file that grows meanwhile.
            body = file.read(room + 1)
        if len(body) > room:
            raise ValueError(f"{name}: with it there are more than {bounds.max_page_bytes} bytes")
        room -= len(body)
        content_type = TYPES.get(path.suffix.removeprefix(".").lower(), _OTHER_TYPE)
        table[f"/{quote(os.fsencode(name), safe=_UNQUOTED)}"] = File(content_type, body)
    if f"/{INDEX}" not in table:
        raise ValueError(f"there is no {INDEX}")
    if LISTENER_JSON in table:
        raise ValueError(f"{LISTENER_JSON[1:]}: this is what the listener answers itself")
    table["/"] = table[f"/{INDEX}"]
    return table


def _files(folder: Path, root: Path) -> Iterator[Path]:
    """Yield the regular files in *folder* and below."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            _check_link(path, root)
        elif path.is_dir():
            yield from _files(path, root)
            continue
        # Opening anything else, a named pipe for example, may wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"{name}: not a regular file")
        yield path


def _check_link(path: Path, root: Path) -> None:
    """Raise ValueError unless *path* leads to something in *root* that may be served."""
    # Path.resolve() raises RuntimeError for a link to itself before Python 3.13.
    target = Path(os.path.realpath(path, strict=True))
    if not target.is_relative_to(root):
        raise ValueError(f"{path.relative_to(root).as_posix()}: a link that leads out of the folder")
    if any(part.startswith(".") for part in target.relative_to(root).parts):
        raise ValueError(f"{path.relative_to(root).as_posix()}: a link to what begins with a dot")
