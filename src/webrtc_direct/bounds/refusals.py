"""What the limits refuse: how often, a word to the operator once in a while, and rates per second.

It knows nothing of what is refused.
"""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from webrtc_direct.errors import RemoteProtocolError
from webrtc_direct.runtime.outside_tasks import Clock, clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webrtc_direct.bounds.limits import Limits

logger: logging.Logger = logging.getLogger("webrtc_direct.limits")

# A limit that goes on refusing is mentioned in the log so often.
_LOG_SECONDS = 60.0


class Refusals:
    """Counts refusals by the name of the limit, for itself and for the *whole* that it is a part of."""

    __slots__ = ("_logged", "_logged_at", "_whole", "clock", "counts", "failures", "limits")

    def __init__(self, limits: Limits, *, whole: Refusals | None = None) -> None:
        self.counts: Counter[str] = Counter()
        """How often each field of ``Limits`` has refused something."""
        self.limits = limits
        self.clock: Clock = clock() if whole is None else whole.clock
        """The clock of the event loop of all this, which may be read outside its tasks, too."""
        self.failures: Rate = (
            Rate(limits.logged_failures_per_minute / 60, self.clock, burst=limits.logged_failures_per_minute)
            if whole is None
            else whole.failures
        )
        """Of what fails in code of the package's user: a peer that makes it fail must not fill the log."""
        self._whole = whole
        self._logged_at: dict[str, float] = {}
        self._logged: Counter[str] = Counter()

    def refuse(self, limit: str, count: int = 1) -> None:
        """Count *count* refusals by the field *limit*; the first one, and then one a minute, is logged."""
        self.counts[limit] += count
        if self._whole is not None:
            self._whole.refuse(limit, count)
            return
        now = self.clock()
        if now - self._logged_at.get(limit, -_LOG_SECONDS) < _LOG_SECONDS:
            return
        self._logged_at[limit] = now
        since = self.counts[limit] - self._logged[limit]
        self._logged[limit] = self.counts[limit]
        bound = getattr(self.limits, limit)
        logger.warning(
            "the limit %s=%s has refused %d time(s), %d in all", limit, bound, since, self.counts[limit]
        )

    def count(self, limit: str | None) -> None:
        """Count a refusal by the field *limit*, where an error names one."""
        if limit is not None:
            self.refuse(limit)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count a refusal where what the peer did breaks a limit, and raise the error."""
        try:
            yield
        except RemoteProtocolError as error:
            self.count(error.limit)
            raise


class Rate:
    """So many events a second, and twice as many in a *burst* unless given (a token bucket)."""

    __slots__ = ("_at", "_burst", "_clock", "_left", "_per_second")

    def __init__(self, per_second: float, clock: Clock, *, burst: float | None = None) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = 2 * per_second if burst is None else burst
        self._left = max(1.0, self._burst)
        self._at: float | None = None

    def allows(self) -> bool:
        """Say whether one more event is within the rate, and count it if it is."""
        now = self._clock()
        if self._at is not None:
            self._left = min(max(1.0, self._burst), self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
