"""Files that hold a secret: readable by their owner alone, and never half written."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRIVATE_MODE = 0o600
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def read_file(path: str | os.PathLike[str], *, max_bytes: int) -> bytes:
    """Return the content of a file. Raises OSError; ValueError where it is larger than *max_bytes*."""
    with Path(path).open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"larger than {max_bytes} bytes")
    return content


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write *content* with mode 0600. Whoever reads at that moment sees the old file or the new one."""
    with _named(path):
        temporary = _write_beside(Path(path), content)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink()
            raise
    _sync_directory(Path(path).parent)


def create_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write *content* with mode 0600 to a new file. Raises FileExistsError where somebody was faster."""
    with _named(path):
        temporary = _write_beside(Path(path), content)
        try:
            _link_or_rename(temporary, Path(path))
        finally:
            temporary.unlink(missing_ok=True)
    _sync_directory(Path(path).parent)


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Have an OSError name *path*, in place of a temporary file that nobody knows."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _link_or_rename(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except (OSError, NotImplementedError) as error:
        # The second is pathlib's where a system knows no hard links at all, as in a browser.
        if isinstance(error, OSError) and error.errno not in _NO_HARD_LINKS:
            raise
        # Without hard links there is no atomic "create whole or not at all"; this comes closest.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        temporary.replace(path)


def _write_beside(path: Path, content: bytes) -> Path:
    # mkstemp makes the file with mode 0600 (less the umask) from the start.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_PRIVATE_MODE)
    except OSError:
        temporary.unlink()
        raise
    return temporary


def _sync_directory(directory: Path) -> None:
    # Makes the new name survive a power failure. Some systems cannot open or sync a directory.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
