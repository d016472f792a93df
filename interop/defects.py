"""What peers cannot do, and how that is known. A cell that such a defect does not touch has to pass."""

from __future__ import annotations

from dataclasses import dataclass, field

_JS = frozenset({"js", "js-chromium", "js-firefox"})


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A cell that cannot pass, or steps that it is run without. What is empty stands for any."""

    reason: str
    evidence: str
    """What was run and what was said."""
    dialers: frozenset[str] = field(default_factory=frozenset)
    listeners: frozenset[str] = field(default_factory=frozenset)
    versions: frozenset[str] = field(default_factory=frozenset)
    families: frozenset[str] = field(default_factory=frozenset)
    without: frozenset[str] = field(default_factory=frozenset)
    """Names of ``work.STEPS``; empty: the whole cell is impossible."""
    says: tuple[str, ...] = ()
    """One of these is in what an impossible cell says; another failure is not the known one."""

    def touches(self, dialer: str, listener: str, version: str, family: str) -> bool:
        """Say whether the cell has it."""
        return all(
            not names or name in names
            for name, names in (
                (dialer, self.dialers),
                (listener, self.listeners),
                (version, self.versions),
                (family, self.families),
            )
        )


_RUST = frozenset({"rust"})
_LITEP2P = frozenset({"litep2p"})

DEFECTS = (
    Defect(
        reason="js-libp2p dials v1 only",
        evidence="in @libp2p/webrtc `UFRAG_PREFIX` is `libp2p+webrtc+v1/` and there is no other; `dial …"
        " --version v2` is therefore a usage error",
        dialers=_JS,
        versions=frozenset({"v2"}),
        says=("dials v1",),
    ),
    Defect(
        reason="js-libp2p answers v1 only",
        evidence="`dial … --version v2` to its listener: our dialer says *no answer in 10 s (step: ice)*,"
        " go's *peerconnection opening timed out*",
        listeners=frozenset({"js"}),
        versions=frozenset({"v2"}),
        says=("(step: ice)", "opening timed out"),
    ),
    Defect(
        reason="this Chromium forbids a page to set its ICE credentials, which v1 needs",
        evidence="started with `--force-fieldtrials=WebRTC-NoSdpMangleUfrag/Enabled/`, which a release may"
        " turn on for anyone, `setLocalDescription` refuses v1's ufrag before anything is sent; v2 sets none",
        dialers=frozenset({"bare-chromium-no-munging"}),
        versions=frozenset({"v1"}),
        says=("SDP is modified in a non-acceptable way",),
    ),
    Defect(
        reason="go-libp2p closes a connection in which the id of a stream comes back before the handler of"
        " the stream before it has ended, and js-libp2p in Node uses ids again at once",
        evidence="`dial … --reset` from js to go failed in 1 of 176 runs (*reset: the stream closed*), on a"
        " busy machine; from js to python in none of 80. When our engine used ids at once as well, go closed"
        " after 3 of 7956 resets, after 67 of 2346 on a busy machine; since it takes the id that was free for"
        " longest, after none of 8000 (go: `addStream`, *stream ID already exists*)",
        dialers=frozenset({"js"}),
        listeners=frozenset({"go"}),
        versions=frozenset({"v1"}),
        without=frozenset({"reset"}),
    ),
    Defect(
        reason="go-libp2p's listener takes 16 connections at once of a global IPv6 network, then one in 5 s",
        evidence="go dials ::1 from another address of its machine; of 12, 16, 17, 18 and 20 dials in one"
        " process 12, 16, 16, 16 and 16 succeeded, the next said *peerconnection opening timed out*"
        " (`conn_rate_limiter.go` of its resource manager: burst 16, 0.2 per second)",
        dialers=frozenset({"go"}),
        listeners=frozenset({"go"}),
        families=frozenset({"IPv6"}),
        without=frozenset({"redials"}),
    ),
    Defect(
        reason="js-libp2p in a browser notices only after 11 to 12 s that go-libp2p has closed",
        evidence="`dial … --close listener` to go: 11.6 and 11.8 s in Chromium, 11.8 and 12.4 s in Firefox;"
        " the page without a library noticed the same end after 3 ms, js in Node after 1 ms",
        dialers=frozenset({"js-chromium", "js-firefox"}),
        listeners=frozenset({"go"}),
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="js-libp2p in Firefox notices only by the silence of ICE that the other end has closed",
        evidence="`dial … --close listener` to us: 8.6 to 10.9 s in 12 runs of one connection each. In"
        " Firefox DTLS and each data channel are closed within 10 ms, but the connection is *disconnected*"
        " only when a consent check has had no answer, the second after the end; js-libp2p waits for that."
        " Firefox takes no notice of the 403 that each check gets at once, by which consent is revoked (RFC"
        " 7675 section 5.2). The page without a library noticed the same end after 1 ms",
        dialers=frozenset({"js-firefox"}),
        listeners=frozenset({"python"}),
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="js-libp2p's listener closes its data channels to Chromium, and the connection much later",
        evidence="`dial … --close listener` from Chromium: js-libp2p in the page notices after 14.7 and"
        " 14.8 s; for Python in the page all channels, channel 0 among them, are closed after 0.2 s, while"
        " DTLS, SCTP and ICE stay connected for 34 s at least. The page without a library, which leaves its"
        " stream open, notices after 5 and 6 ms, Python in Firefox after 4 ms, outside a browser after 7 ms",
        dialers=frozenset({"python-chromium"}),
        listeners=frozenset({"js"}),
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="rust-libp2p dials v1 only",
        evidence="its transport has no v2; `dial … --version v2` is therefore a usage error",
        dialers=_RUST,
        versions=frozenset({"v2"}),
        says=("dials v1",),
    ),
    Defect(
        reason="rust-libp2p cannot read after its own FIN",
        evidence="it takes FIN_ACK for an error: *upload: waiting for the peer's comparison: reading one"
        " byte: unknown enumeration value 3*, from go as from us; our listener found no wrong byte in 32 MiB",
        dialers=_RUST,
        versions=frozenset({"v1"}),
        without=frozenset({"checked", "perf", "echo", "half-close"}),
    ),
    Defect(
        reason="a reset now and then shows as an end to rust-libp2p's dialer",
        evidence="`dial … --reset`: *by the listener: FIN after 0 bytes instead of a reset*, from go in most"
        " runs, from us in 1 of some 10",
        dialers=_RUST,
        versions=frozenset({"v1"}),
        without=frozenset({"reset"}),
    ),
    Defect(
        reason="rust-libp2p notices only after 30 s that the other end has closed",
        evidence="`dial … --close listener`: 30.004 s to us, 30.022 s to go",
        dialers=_RUST,
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="rust-libp2p's listener notices an end late, and its streams stall",
        evidence="it learns of our close after 25 s, of js-libp2p's after 16, of its own dialer's after 15;"
        " the second or third ping on a stream stalls, from go, us and itself; of go's two source"
        " addresses it makes two connections (*peerconnection opening timed out* in 4 of 5 dials); a"
        " frame of more than 8192 bytes is *Short buffer*",
        listeners=_RUST,
        versions=frozenset({"v1"}),
        says=(
            "noticed no end within",
            "opening timed out",
            "the ping stream ended",
            "ping",
            "did not end within",
        ),
    ),
    Defect(
        reason="rust-libp2p answers v1 only",
        evidence="`dial … --version v2` to its listener: *no answer in 10 s (step: ice)*",
        listeners=_RUST,
        versions=frozenset({"v2"}),
        says=("(step: ice)", "opening timed out"),
    ),
    Defect(
        reason="litep2p only listens for WebRTC",
        evidence="its `dial` of a WebRTC-Direct address says *Transport not supported*",
        dialers=_LITEP2P,
        says=("Transport not supported", "dials v1"),
    ),
    Defect(
        reason="litep2p answers v1 only",
        evidence="`dial … --version v2` to its listener: *no answer in 10 s (step: ice)*",
        listeners=_LITEP2P,
        versions=frozenset({"v2"}),
        says=("(step: ice)", "opening timed out"),
    ),
    Defect(
        reason="litep2p's interface has no reset, it closes without a word, and it tells of no end while the"
        " same peer has another connection",
        evidence="a dropped stream sends FIN; its close is noticed by our silence timeout (20.0 s), by"
        " js-libp2p after 12.9, not within 60 by go; of 20 dials by one identity, 4 ms apart, it"
        " reported 16 to 20 ends, with 50 ms between them all 20 (go's streams it refuses: *ping:"
        " stream reset*, for go negotiates lazily)",
        listeners=_LITEP2P,
        versions=frozenset({"v1"}),
        without=frozenset({"reset", "redials", "closing by the listener"}),
    ),
)


def defects_of(dialer: str, listener: str, version: str, family: str) -> list[Defect]:
    """Return what is known to be wrong with a cell."""
    return [defect for defect in DEFECTS if defect.touches(dialer, listener, version, family)]
