"""docs/crashes.md, made from the cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crash_programs import clients
from crashes import CRASHES, LONGEST_SECONDS, PAGE_ENDINGS, RESTART_SECONDS, SLEEP, SLEEP_SECONDS
from page_cells import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crashes import Case

_INTRODUCTION = f"""\
# Crashes

How long it takes until the other end of a connection notices that one end is gone. `make crash` measures
it, in processes and browsers of their own on loopback, and writes this page. A listener is
`webrtc-direct listen` with `--identity`, `--certificate` and a fixed port. An *active* client sends a byte
each 0.5 s and reads it back; an *idle* one opens no stream; smoldot does what it does. Each number is one
run. Nobody was waited for longer than {LONGEST_SECONDS:.0f} s.
"""
_LISTENERS = f"""\
Seconds from the crash until the client's own library says that the connection ended. *Restarted*: killed
(SIGKILL), and started again {RESTART_SECONDS:g} s later with the same identity, certificate and port; in
brackets, the seconds from when it listened again. *Other certificate*: the same, with a fresh certificate.
*Killed*: and not started again. *Port taken*: another program has the port, and answers nothing, or 100
random bytes to each datagram. *Silence*: the listener stands still (SIGSTOP), so nothing comes back, as
from a machine that is gone or has another IP address. *SIGTERM*: a clean end.
"""
_CLIENTS = f"""\
Seconds from what happened until the listener says that the connection ended. *Asleep*: all processes of the
client, the browser's as well, stand still for {SLEEP_SECONDS:.0f} s (SIGSTOP), which is longer than a
listener waits for one that is silent. In brackets, seconds from the waking until the client was told, and
what.
"""
_WORDS = "What each library said, in the order of the columns; the same words once.\n"


def markdown(cases: Sequence[Case], machine: str) -> str:
    """Return the page."""
    lines = [_INTRODUCTION, f"Measured on {machine}."]
    sections = (
        ("The listener ends", _LISTENERS, list(CRASHES)),
        ("The client ends", _CLIENTS, [*PAGE_ENDINGS, SLEEP]),
    )
    for title, text, kinds in sections:
        rows = list(_rows(cases, kinds))
        if rows:
            lines += ["", f"## {title}", "", text, *table(("client", "use", *kinds), rows)]
    words = list(_words(cases))
    if words:
        lines += ["", "## In which words", "", _WORDS, *words]
    failed = [f"- {case.client} {case.use}, {case.kind}: {each}" for case in cases for each in case.problems]
    if failed:
        lines += ["", "## What failed", "", *failed]
    return "\n".join(lines) + "\n"


def _rows(cases: Iterable[Case], kinds: Sequence[str]) -> Iterable[tuple[str, ...]]:
    found = {(case.client, case.use, case.kind): case for case in cases if case.kind in kinds}
    for name, client in clients().items():
        for use in client.uses:
            cells = [found.get((name, use, kind)) for kind in kinds]
            if any(cells):
                yield (client.name, use, *map(seconds, cells))


def seconds(case: Case | None) -> str:
    """Return the cell of one case."""
    if case is None:
        return "-"
    if case.problems:
        return "failed"
    if case.seconds is None:
        return f"**not in {LONGEST_SECONDS:.0f}**"
    told = f": {case.client_words}" if case.client_words else ""
    again = f" ({case.after_return:.1f}{told})" if case.after_return is not None else told
    return f"{case.seconds:.1f}{again}"


def _words(cases: Iterable[Case]) -> Iterable[str]:
    for name, client in clients().items():
        said = [case.words for case in cases if case.client == name and case.kind in CRASHES and case.words]
        if said:
            yield f"- {client.name}: {'; '.join(dict.fromkeys(said))}"
