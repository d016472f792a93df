"""The sockets of a listener: those of its addresses that are bound, and those that could not be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from webrtc_direct.platform.base import ListenerCounters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from webrtc_direct.address.multiaddr import WebRtcDirectAddress
    from webrtc_direct.platform.base import PlatformListener

    Bind = Callable[[WebRtcDirectAddress], Awaitable[PlatformListener]]


@dataclass(frozen=True)
class Sockets:
    """The sockets of one listener, in the order of its addresses."""

    bound: dict[PlatformListener, WebRtcDirectAddress] = field(default_factory=dict)
    missing: dict[str, OSError] = field(default_factory=dict)

    async def bind(self, address: WebRtcDirectAddress, bind: Bind, *, may_fail: bool) -> None:
        """Bind *address*. Where that fails, the error names it; one that *may_fail* is missing then."""
        try:
            self.bound[await bind(address)] = address
        except OSError as error:
            # A local variable that holds an error which is raised would be a reference cycle.
            if not may_fail:
                raise _named(error, address) from error
            self.missing[str(address)] = _named(error, address)

    def require_one(self) -> None:
        """Raise the first error where nothing is bound."""
        if not self.bound:
            # Taken out, for the same reason.
            raise self.missing.pop(next(iter(self.missing)))

    @property
    def ports(self) -> list[int]:
        """The UDP port of each."""
        return [socket.port for socket in self.bound]

    def counters(self, failed: Mapping[str, int]) -> ListenerCounters:
        """Return what all together took and dropped; handshakes *failed* above them as well."""
        each = [socket.counters() for socket in self.bound]
        names = [counter.name for counter in fields(ListenerCounters) if counter.name != "failed"]
        numbers = {name: sum(getattr(one, name) for one in each) for name in names}
        reasons = Counter(failed)
        for one in each:
            reasons.update(one.failed)
        return ListenerCounters(**numbers, failed=dict(reasons))

    def close(self) -> None:
        """Take nothing more."""
        for socket in self.bound:
            socket.close()

    async def wait_closed(self) -> None:
        """Return once all have ended."""
        for socket in self.bound:
            await socket.wait_closed()


def _named(error: OSError, address: WebRtcDirectAddress) -> OSError:
    """Return *error* with the name of what could not be bound; the number makes it the same subclass."""
    return OSError(error.errno, error.strerror or str(error), str(address))
