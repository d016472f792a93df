"""A cell of the matrix: a dialer and a listener, in fresh processes, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from defects import defects_of
from judge import NOTICE_SECONDS, problems_of
from peers import PeerFailure
from registry import PROGRAMS, is_ours
from work import Work

if TYPE_CHECKING:
    from defects import Defect
    from peers import Event, Listener

# By the names in ``registry.FAMILIES``.
ADDRESSES = {"IPv4": "127.0.0.1", "IPv6": "::1"}


@dataclass
class Run:
    """One pair of processes, and who closed the connection."""

    closer: str
    idle: bool = False
    """It waited, beside others that waited: its times are no measurement."""
    result: Event | None = None
    noticed_ms: float | None = None
    """How long after the closing the other end knew of it."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Cell:
    """One dialer, listener, version and address family; the two are names in ``registry.PROGRAMS``."""

    dialer: str
    listener: str
    version: str
    family: str
    seconds: float = 0.0
    runs: list[Run] = field(default_factory=list)
    defects: list[Defect] = field(init=False)

    def __post_init__(self) -> None:
        self.defects = defects_of(self.dialer, self.listener, self.version, self.family)

    @property
    def is_ours(self) -> bool:
        """Whether we are in it; the others are there to be compared with, and fail without us."""
        return is_ours(self.dialer, self.listener)

    @property
    def impossible(self) -> Defect | None:
        """The defect that lets no such cell pass."""
        return next((defect for defect in self.defects if not defect.without), None)

    @property
    def said(self) -> list[str]:
        """What went wrong in its runs, expected or not."""
        return [
            f"{problem} ({'idling' if run.idle else f'closed by the {run.closer}'})"
            for run in self.runs
            for problem in run.problems
        ]

    @property
    def problems(self) -> list[str]:
        """What is not as expected; in a cell of ours the matrix fails because of it."""
        defect = self.impossible
        if defect is None:
            return self.said
        if not self.said:
            return [f"it passed, though {defect.reason}"]
        if any(words in said for words in defect.says for said in self.said):
            return []
        return [f"not the known failure ({defect.reason}): {said}" for said in self.said]

    @property
    def notes(self) -> list[str]:
        """What is to be known beside its result."""
        return [note for run in self.runs for note in run.notes]

    def run_idle(self, work: Work) -> None:
        """Do the part of the *work* that waits. Other cells may do theirs at the same time."""
        left = self._possible(work)
        if left.idle:
            self.runs.append(replace(self._run(left.idling(), "dialer"), idle=True))

    def run(self, work: Work) -> None:
        """Do the rest of the *work* once for each end that closes; one that cannot pass does the least."""
        started = time.perf_counter()
        left = self._possible(work).without(("idle",))
        for closer in left.closers:
            self.runs.append(self._run(left, closer))
        self.seconds = time.perf_counter() - started

    def _possible(self, work: Work) -> Work:
        left = work if self.impossible is None else Work.least()
        for defect in self.defects:
            left = left.without(defect.without)
        return left

    def _run(self, work: Work, closer: str) -> Run:
        run = self._try(work, closer)
        again = PROGRAMS[self.dialer].dials_again
        failed = [problem for problem in run.problems if problem.startswith("the dialer: error: connect:")]
        if again and failed and self.impossible is None:
            run = self._try(work, closer)
            run.notes.append(f"tried again ({again}) after: {failed[0]}")
        return run

    def _try(self, work: Work, closer: str) -> Run:
        run = Run(closer)
        dialing, listening = PROGRAMS[self.dialer].peer, PROGRAMS[self.listener].peer
        options = ["--version", self.version, *work.options(closer)]
        try:
            with listening.listen(ADDRESSES[self.family]) as listener:
                try:
                    run.result = dialing.dial(listener.address, options, timeout=work.timeout)
                except PeerFailure as failure:
                    run.problems.append(str(failure))
                else:
                    _notice(run, listener, work)
        except PeerFailure as failure:
            run.problems.append(str(failure))
            return run
        # Judged after the listener's end, so that all its events are there.
        if run.result is not None:
            run.problems += problems_of(
                run.result, listener, work, agent=listening.agent, version=self.version, closer=closer
            )
        for event in listener.named("error"):
            run.problems.append(f"the listener: {event.get('protocol')}: {event.get('error')}")
        return run


def _notice(run: Run, listener: Listener, work: Work) -> None:
    """Wait until the listener knows that all connections ended, and note when the other end knew."""
    ended = time.monotonic()
    if not listener.wait_for("disconnected", work.connections, timeout=NOTICE_SECONDS):
        run.problems.append(f"the listener noticed no end within {NOTICE_SECONDS:.0f} s")
    elif run.closer == "listener":
        run.noticed_ms = (run.result or {}).get("closed_after_ms")
    else:
        # The dialer's process ends after it has closed the connection.
        last = listener.named("disconnected")[-1]["at"]
        run.noticed_ms = round(1000 * max(0.0, last - ended), 3)
