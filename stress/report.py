"""docs/reliability.md, made from the results."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stress.results import Part

_INTRODUCTION = """\
# Reliability

`make stress` does to connections what bad networks, slow readers and attackers do, and writes this page
from what it measured. The peers are processes of their own, on loopback; go is the released go-libp2p of
`interop/go`. MB are 10^6 bytes, MiB are 2^20. *Growth* is what the resident memory of a process grew by,
at its largest, over what it was before. [Crashes](crashes.md) has how soon each client notices that a
listener is gone or was started again.
"""


# What each part says of its own run; everything else is the same for all that one machine measures.
_OF_A_RUN = ("sources", "load at the start", "load at the end")


def markdown(parts: Sequence[Part]) -> str:
    """Return the page."""
    missed = [target for part in parts for target in part.targets if not target.met]
    count = sum(len(part.targets) for part in parts)
    lines = [_INTRODUCTION, f"{count - len(missed)} of {count} targets were met.", ""]
    machines = [_machine(part) for part in parts]
    same = machines.count(machines[0]) == len(machines)
    if same:
        lines += [f"- {name}: {value}" for name, value in machines[0].items()]
    for part, facts in zip(parts, machines, strict=True):
        lines += ["", f"## {part.title}", "", part.text, ""]
        own = {name: part.machine[name] for name in _OF_A_RUN}
        lines += [f"- {name}: {value}" for name, value in (own if same else facts | own).items()]
        lines += [""]
        lines += _table(
            ("target", "measured", "met"), [_target(part, index) for index in range(len(part.targets))]
        )
        lines += [""]
        lines += _table(part.columns, part.rows)
        lines += [line for note in part.notes for line in ("", note)]
    return "\n".join(lines) + "\n"


def _machine(part: Part) -> dict[str, object]:
    return {name: value for name, value in part.machine.items() if name not in _OF_A_RUN}


def _target(part: Part, index: int) -> tuple[str, ...]:
    target = part.targets[index]
    return target.text, target.measured, "yes" if target.met else "**no**"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
