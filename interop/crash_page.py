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

This page shows how long one end of a connection takes to notice that the other end is gone. `make crash`
measures it on loopback, in separate processes and browsers, and writes this page. The listener is
`webrtc-direct listen` with `--identity`, `--certificate` and a fixed port. An *active* client sends a byte
every 0.5 s and reads it back; an *idle* one opens no stream; smoldot behaves as usual. Each number is one
run, which waits at most {LONGEST_SECONDS:.0f} s.
"""
_LISTENERS = f"""\
Seconds from the crash until the client's own library reports that the connection ended. *Restarted*: the
listener is killed (SIGKILL) and started again {RESTART_SECONDS:g} s later with the same identity, certificate
and port; in brackets are the seconds since it listened again. *Other certificate*: the same, with a new
certificate. *Killed*: it is not started again. *Port taken*: another program has the port, and answers each
datagram with nothing or with 100 random bytes. *Silence*: the listener is stopped (SIGSTOP), so nothing comes
back, as if the machine were gone or had another IP address. *SIGTERM*: a clean end.
"""
_CLIENTS = f"""\
Seconds from the event until the listener reports that the connection ended. *Asleep*: all processes of the
client, including the browser's, are stopped for {SLEEP_SECONDS:.0f} s (SIGSTOP), longer than a listener
waits for a silent client. In brackets are the seconds from waking until the client was told, and the message.
"""
_WORDS = "The message of each library, in the order of the columns, without repetitions.\n"


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
        lines += ["", "## The messages", "", _WORDS, *words]
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
