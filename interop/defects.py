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
_BUILT_IN = frozenset({"py-libp2p-built-in"})

DEFECTS = (
    Defect(
        reason="js-libp2p dials v1 only",
        evidence="In @libp2p/webrtc, `UFRAG_PREFIX` is `libp2p+webrtc+v1/` and nothing else, so `dial …"
        " --version v2` is a usage error",
        dialers=_JS,
        versions=frozenset({"v2"}),
        says=("dials v1",),
    ),
    Defect(
        reason="js-libp2p answers v1 only",
        evidence="`dial … --version v2` to its listener fails: our dialer says *no answer in 10 s (step:"
        " ice)* and go's says *peerconnection opening timed out*",
        listeners=frozenset({"js"}),
        versions=frozenset({"v2"}),
        says=("(step: ice)", "opening timed out"),
    ),
    Defect(
        reason="this Chromium does not let a page set its ICE credentials, which v1 needs",
        evidence="It was started with `--force-fieldtrials=WebRTC-NoSdpMangleUfrag/Enabled/`, which a release"
        " may turn on for everyone. `setLocalDescription` then refuses v1's ufrag before anything is sent. v2"
        " does not set one",
        dialers=frozenset({"bare-chromium-no-munging"}),
        versions=frozenset({"v1"}),
        says=("SDP is modified in a non-acceptable way",),
    ),
    Defect(
        reason="go-libp2p closes a connection when a stream id is reused before the handler of the previous"
        " stream with that id has ended, and js-libp2p in Node reuses ids at once",
        evidence="`dial … --reset` from js to go failed in 1 of 176 runs on a busy machine (*reset:"
        " the stream closed*), and in none of 80 runs from js to python. While our engine also"
        " reused ids at once, go closed the connection after 3 of 7956 resets, and on a busy"
        " machine after 67 of 2346. Now that our engine takes the id that has been free for"
        " longest, go did so after none of 8000 (go: `addStream`, *stream ID already exists*)",
        dialers=frozenset({"js"}),
        listeners=frozenset({"go"}),
        versions=frozenset({"v1"}),
        without=frozenset({"reset"}),
    ),
    Defect(
        reason="go-libp2p's listener accepts a burst of 16 connections from a global IPv6 network, then one"
        " every 5 s",
        evidence="go dials ::1 from another address of its machine. Of 12, 16, 17, 18 and 20 dials in one"
        " process, 12, 16, 16, 16 and 16 succeeded; the next one said *peerconnection opening timed out*"
        " (`conn_rate_limiter.go` of its resource manager: burst 16, 0.2 per second)",
        dialers=frozenset({"go"}),
        listeners=frozenset({"go"}),
        families=frozenset({"IPv6"}),
        without=frozenset({"redials"}),
    ),
    Defect(
        reason="js-libp2p in a browser takes 11 to 12 s to notice that go-libp2p has closed the connection",
        evidence="`dial … --close listener` to go: 11.6 and 11.8 s in Chromium, 11.8 and 12.4 s in Firefox;"
        " the page without a library noticed the same close after 3 ms, js in Node after 1 ms",
        dialers=frozenset({"js-chromium", "js-firefox"}),
        listeners=frozenset({"go"}),
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="js-libp2p in Firefox notices only from missing ICE answers that the other end has closed",
        evidence="`dial … --close listener` to us: 8.6 to 10.9 s in 12 runs of one connection each. Firefox"
        " closes DTLS and each data channel within 10 ms, but reports the connection as *disconnected* only"
        " when the second consent check after the close has had no answer, and js-libp2p waits for that."
        " Firefox ignores the 403 that answers each check at once and revokes consent (RFC 7675 section 5.2)."
        " The page without a library noticed the same close after 1 ms",
        dialers=frozenset({"js-firefox"}),
        listeners=frozenset({"python", "py-libp2p"}),
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="js-libp2p's listener closes its data channels to Chromium at once, but the connection much"
        " later",
        evidence="`dial … --close listener` from Chromium: js-libp2p in the page notices after 14.7 and"
        " 14.8 s. For Python in the page all channels, including channel 0, are closed after 0.2 s, while"
        " DTLS, SCTP and ICE stay connected for at least 34 s. The page without a library, which leaves its"
        " stream open, notices after 5 and 6 ms, Python in Firefox after 4 ms, outside a browser after 7 ms",
        dialers=frozenset({"python-chromium"}),
        listeners=frozenset({"js"}),
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="rust-libp2p dials v1 only",
        evidence="Its transport has no v2, so `dial … --version v2` is a usage error",
        dialers=_RUST,
        versions=frozenset({"v2"}),
        says=("dials v1",),
    ),
    Defect(
        reason="rust-libp2p cannot read after its own FIN",
        evidence="It treats FIN_ACK as an error, whether it comes from go or from us: *upload: waiting for"
        " the peer's comparison: reading one byte: unknown enumeration value 3*. Our listener found no wrong"
        " byte in 32 MiB",
        dialers=_RUST,
        versions=frozenset({"v1"}),
        without=frozenset({"checked", "perf", "echo", "half-close"}),
    ),
    Defect(
        reason="rust-libp2p's dialer sometimes takes a reset for an orderly end",
        evidence="`dial … --reset`: *by the listener: FIN after 0 bytes instead of a reset*, with go in most"
        " runs, with us in about 1 of 10",
        dialers=_RUST,
        versions=frozenset({"v1"}),
        without=frozenset({"reset"}),
    ),
    Defect(
        reason="rust-libp2p takes 30 s to notice that the other end has closed",
        evidence="`dial … --close listener`: 30.004 s with us, 30.022 s with go",
        dialers=_RUST,
        versions=frozenset({"v1"}),
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="rust-libp2p's listener notices a close late, and its streams stall",
        evidence="It notices our close after 25 s, js-libp2p's after 16 s, its own dialer's after 15 s. The"
        " second or third ping on a stream stalls, whether it comes from go, from us or from itself. It makes"
        " two connections of go's two source addresses (*peerconnection opening timed out* in 4 of 5 dials)."
        " It rejects a frame of more than 8192 bytes (*Short buffer*)",
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
        evidence="`dial … --version v2` to its listener fails with *no answer in 10 s (step: ice)*",
        listeners=_RUST,
        versions=frozenset({"v2"}),
        says=("(step: ice)", "opening timed out"),
    ),
    Defect(
        reason="litep2p only listens for WebRTC",
        evidence="Its `dial` of a WebRTC-Direct address says *Transport not supported*",
        dialers=_LITEP2P,
        says=("Transport not supported", "dials v1"),
    ),
    Defect(
        reason="litep2p answers v1 only",
        evidence="`dial … --version v2` to its listener fails with *no answer in 10 s (step: ice)*",
        listeners=_LITEP2P,
        versions=frozenset({"v2"}),
        says=("(step: ice)", "opening timed out"),
    ),
    Defect(
        reason="litep2p cannot reset a stream, does not tell the peer that it closes, and does not report a"
        " close while the same peer has another connection",
        evidence="A dropped stream sends FIN. Our silence timeout notices its close (20.0 s), js-libp2p"
        " notices it after 12.9 s, go not within 60 s. Of 20 dials by one identity, 4 ms apart, it reported"
        " 16 to 20 closes; with 50 ms between them, all 20. (It refuses go's streams with *ping: stream"
        " reset*, because go negotiates lazily)",
        listeners=_LITEP2P,
        versions=frozenset({"v1"}),
        without=frozenset({"reset", "redials", "closing by the listener"}),
    ),
    Defect(
        reason="py-libp2p's built-in listener does not notice that the other end has closed",
        evidence="Its host reports no disconnect: 10 s after the close of go, of us and of its own dialer it"
        " still has the connection. Of 12 dials of one peer, one after the other, the ninth is refused (*SCTP"
        " ABORT*). It cannot answer on a stream after the FIN that it reads, so uploads, downloads, echo and"
        " half-close end with *stream reset*",
        listeners=_BUILT_IN,
        says=("noticed no end within", "response timed out"),
    ),
    Defect(
        reason="py-libp2p's built-in streams end in both directions at once, and do not tell an end from a"
        " reset",
        evidence="`WebRTCStream` has no `close_write`, so py-libp2p's `close_write` closes the stream, and"
        " reading ends (*Read side is closed*). FIN and RESET both show as a `WebRTCStreamError`, after which"
        " py-libp2p's stream is in an error state and cannot be written to",
        dialers=_BUILT_IN,
        without=frozenset({"checked", "perf", "echo", "half-close", "reset"}),
    ),
    Defect(
        reason="py-libp2p's built-in dialer does not notice that the other end has closed",
        evidence="After `dial … --close listener`, to us and to go, its streams end at once, and its host"
        " still has the connection 40 s later",
        dialers=_BUILT_IN,
        without=frozenset({"closing by the listener"}),
    ),
    Defect(
        reason="py-libp2p's built-in dialer opens streams that go never answers",
        evidence="In 7 of 14 connections to go, and in 3 of 8 to itself, the first or second stream had no"
        " answer in 10 s; in none of 30 to us. Why is not known",
        dialers=_BUILT_IN,
        listeners=frozenset({"go"}),
        without=frozenset({"redials"}),
    ),
)


def defects_of(dialer: str, listener: str, version: str, family: str) -> list[Defect]:
    """Return what is known to be wrong with a cell."""
    return [defect for defect in DEFECTS if defect.touches(dialer, listener, version, family)]
