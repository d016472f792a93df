"""Honest clients of a listener: how their dials went, and those that are processes of their own."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from builds import GO_PROGRAM
from peers import Peer, PeerFailure

from stress.programs import PEERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

# More than any dialer waits for an answer.
_TIMEOUT = 20.0
_PAUSE = 0.1

AGAIN = "again and again"
"""The dials of one process. Those of others have the name of their program."""


@dataclass
class Dials:
    """How many seconds each dial took that succeeded, and what became of the others."""

    times: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __add__(self, other: Dials) -> Dials:
        return Dials(self.times + other.times, self.problems + other.problems)

    def __str__(self) -> str:
        return f"{len(self.times)} of {self.count}"

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.times) + len(self.problems)

    @property
    def share(self) -> float:
        """How many of them succeeded; none at all is no success."""
        return len(self.times) / self.count if self.count else 0.0

    def within(self, share: float) -> float:
        """Return how many seconds that *share* took at most."""
        return within(self.times, share)


def within(times: Sequence[float], share: float) -> float:
    """Return what that *share* of *times* is not above; without any there is no bound."""
    ordered = sorted(times)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf


def programs(prefix: Sequence[str] = ()) -> list[Peer]:
    """Return the programs that dial once, behind *prefix*; go is one of them if it has been built."""
    names = ["ours"] + (["go"] if GO_PROGRAM.exists() else [])
    return [replace(PEERS[name], name=name, command=(*prefix, *PEERS[name].command)) for name in names]


class Newcomers:
    """Dials of new processes, one after the other, of each program and in each version in turn.

    They go on, on a thread, for as long as the ``with`` block runs.
    """

    def __init__(self, address: str, peers: Sequence[Peer]) -> None:
        self._address = address
        self._peers = peers
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.dials = {peer.name: Dials() for peer in peers}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        for version, peer in itertools.cycle(itertools.product(("v1", "v2"), self._peers)):
            dials = self.dials[peer.name]
            try:
                result = peer.dial(self._address, ("--version", version, "--pings", "1"), timeout=_TIMEOUT)
            except PeerFailure as failure:
                dials.problems.append(f"{version}: {failure}")
            else:
                dials.times.append(result["connect_ms"][0] / 1000)
            if self._ended.wait(_PAUSE):
                return
