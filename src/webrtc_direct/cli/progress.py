"""Progress bars: on a terminal, and nowhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress_bar(label: str, total: int, *, wanted: bool = True) -> Iterator[Callable[[int], None]]:
    """Show how much of *total* bytes has moved; call what you get with each number of bytes.

    Without a terminal on stderr, or when it is not *wanted*, nothing is shown.
    """
    if not (wanted and sys.stderr.isatty()):
        yield lambda _: None
        return

    # rich takes 70 ms to import, and only this function needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda count: progress.advance(task, count)
