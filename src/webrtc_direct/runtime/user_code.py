"""Code of the package's user, run on behalf of a peer: what it raises costs it alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from webrtc_direct.runtime.outside_tasks import is_cancelled

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

_ENDS_THE_PROGRAM = (KeyboardInterrupt, SystemExit)


@contextmanager
def contained(failed: Callable[[BaseException], None]) -> Iterator[None]:
    """Let nothing out that user code raises; *failed* is told of it, while it is being handled.

    That holds for ``CancelledError`` too, where nobody cancels this task: on asyncio user code raises it
    by awaiting what was cancelled, and around it that would look like a cancellation of everything.
    Let out are a real cancellation, and what ends the program: KeyboardInterrupt and SystemExit.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - that is what this is for
        failed(error)
    except _ENDS_THE_PROGRAM:
        raise
    except BaseException as error:
        if _ends_the_program(error) or is_cancelled():
            raise
        failed(error)


def call_hook(
    hook: Callable[..., object] | None, *arguments: object, owner: object, logger: logging.Logger
) -> None:
    """Call *hook*, if there is one. What it raises is logged as a failure of a hook of *owner*."""
    if hook is not None:
        with contained(lambda error: logger.error("a hook of %r failed", owner, exc_info=error)):
            hook(*arguments)


def _ends_the_program(error: BaseException) -> bool:
    return isinstance(error, BaseExceptionGroup) and error.subgroup(_ENDS_THE_PROGRAM) is not None
