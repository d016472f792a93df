"""multistream-select 1.0.0: both ends agree on the protocol of a stream.

libp2p specs, connections/README.md, "multistream-select". A message is a varint length,
a name, and a line feed. The dialer sends header and proposal at once; the listener reads
before it writes, because smoldot cannot take a message on a channel that it has just opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.encoding import varint
from webrtc_direct.errors import LocalProtocolError, ProtocolNotSupported, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

HEADER = "/multistream/1.0.0"
NOT_AVAILABLE = "na"

_LINE_FEED = 0x0A
# What may be sent before the peer has answered, for nobody reads it yet. js-libp2p, which cannot slow a
# sender down, now and then loses the end of such a stream if more came (1 in 25 of 1 MB; now 0 in 1400).
_UNANSWERED_BYTES = 64 * 1024
# The length of a line takes at most two bytes.
_MAX_LINE = 1 << 14


def encode(name: str) -> bytes:
    """Return the message that holds *name*."""
    try:
        line = name.encode() + b"\n"
    except UnicodeEncodeError:
        line = b""  # Half a character: bytes of a command line that are no UTF-8 arrive so.
    if len(line) < 2 or "\n" in name or len(line) >= _MAX_LINE:
        raise LocalProtocolError(f"not a name of a protocol: {name!r}")
    return varint.encode(len(line)) + line


class _Reader:
    """Cuts the bytes that come into names."""

    def __init__(self, max_name: int) -> None:
        self._max_line = min(max_name, _MAX_LINE - 2) + 1
        self._data = b""
        self._position = 0

    @property
    def rest(self) -> bytes:
        """What has not been taken."""
        return self._data[self._position :]

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self._data = self.rest + data
        self._position = 0

    def next_untrusted(self) -> str | None:
        """Return the next name, or ``None`` until more bytes come."""
        data, start = self._data, self._position
        if start == len(data):
            return None
        size = data[start]
        start += 1
        if size >= 0x80:
            if start == len(data):
                return None
            if data[start] == 0:
                raise RemoteProtocolError("multistream-select: a length in too many bytes")
            # Where a third byte follows, the second one alone makes the size larger than any bound.
            size += (data[start] << 7) - 0x80
            start += 1
        if size > self._max_line:
            problem = f"multistream-select: a name of more than {self._max_line - 1} bytes"
            raise RemoteProtocolError(problem, limit="max_protocol_name")
        stop = start + size
        if stop > len(data):
            return None
        self._position = stop
        if size == 0 or data[stop - 1] != _LINE_FEED:
            raise RemoteProtocolError("multistream-select: a message without a line feed")
        try:
            return data[start : stop - 1].decode()
        except UnicodeDecodeError as error:
            raise RemoteProtocolError("multistream-select: a name that is not UTF-8") from error


class DialerNegotiation:
    """The dialer's side: proposes *protocols* one after the other, until one is taken.

    Write ``start()`` first. With a single proposal the dialer may go on writing at once
    (lazily); the answer then only confirms it.
    """

    def __init__(self, protocols: Sequence[str], *, max_name: int) -> None:
        if not protocols:
            raise LocalProtocolError("no protocol to propose")
        self._protocols = tuple(protocols)
        self._refused = 0
        self._reader = _Reader(max_name)
        self._header_received = False
        self.agreed: str | None = None
        """The protocol that the peer has taken."""

    @property
    def rest(self) -> bytes:
        """What came after the answer: the first bytes of the protocol itself."""
        return self._reader.rest

    def start(self) -> bytes:
        """Return the first bytes to write: the header and the first proposal."""
        return encode(HEADER) + encode(self._protocols[0])

    def receive_untrusted(self, data: bytes) -> bytes:
        """Take bytes; return bytes to write. Look at ``agreed`` then.

        Raises:
            ProtocolNotSupported: the peer has refused every proposal.
            RemoteProtocolError: this is not multistream-select.
        """
        self._reader.feed(data)
        answer = b""
        while self.agreed is None and (name := self._reader.next_untrusted()) is not None:
            if not self._header_received:
                if name != HEADER:
                    raise RemoteProtocolError(f"multistream-select: {name[:80]!r} instead of its header")
                self._header_received = True
            elif name == self._protocols[self._refused]:
                self.agreed = name
            elif name == NOT_AVAILABLE:
                self._refused += 1
                if self._refused == len(self._protocols):
                    raise ProtocolNotSupported(self._protocols)
                answer += encode(self._protocols[self._refused])
            else:
                raise RemoteProtocolError(f"multistream-select: {name[:80]!r} was not proposed")
        return answer


class LazyProposal:
    """A proposal of *protocol* whose answer nobody waits for."""

    def __init__(self, protocol: str, *, max_name: int) -> None:
        self._negotiation = DialerNegotiation([protocol], max_name=max_name)
        self.protocol = protocol
        self.first: bytes = self._negotiation.start()
        """What to write first."""
        self.acknowledged = False
        """Whether the peer has confirmed every byte before it answered."""
        self.room: int = _UNANSWERED_BYTES
        """How many bytes of frames may still be sent before the answer comes."""

    def receive_untrusted(self, data: bytes) -> bytes | None:
        """Take bytes; return what came after the answer, or ``None`` until it is whole.

        Raises:
            ProtocolNotSupported: the peer refused.
            RemoteProtocolError: this is not multistream-select.
        """
        self._negotiation.receive_untrusted(data)
        return None if self._negotiation.agreed is None else self._negotiation.rest


class ListenerNegotiation:
    """The listener's side: takes the first proposal that is in *protocols*."""

    def __init__(self, protocols: Container[str], *, max_name: int) -> None:
        self._protocols = protocols
        self._reader = _Reader(max_name)
        self._header_received = False
        self.agreed: str | None = None
        """The protocol that was taken."""

    @property
    def rest(self) -> bytes:
        """What came after the proposal: the first bytes of the protocol itself."""
        return self._reader.rest

    def receive_untrusted(self, data: bytes) -> bytes:
        """Take bytes; return bytes to write. Look at ``agreed`` then.

        Raises:
            RemoteProtocolError: this is not multistream-select.
        """
        self._reader.feed(data)
        answer = b""
        while self.agreed is None and (name := self._reader.next_untrusted()) is not None:
            if not self._header_received:
                if name != HEADER:
                    raise RemoteProtocolError(f"multistream-select: {name[:80]!r} instead of its header")
                self._header_received = True
                answer += encode(HEADER)
            elif name in self._protocols:
                self.agreed = name
                answer += encode(name)
            else:
                # "ls" too: its answer would be many times longer than the question.
                answer += encode(NOT_AVAILABLE)
        return answer
