//! When a client doubts its path: where something is due and nothing is heard, a NAT may have forgotten it.
//!
//! It then checks at once (RFC 8445 section 2.5, a connectivity check on the selected pair), not only at the
//! next check of consent, so that the server learns its new address. What is heard is DTLS: an answer to
//! a check proves that the server hears, not that it sends here.

use std::time::{Duration, Instant};

/// A server that is started again answers from then on, and is to be found soon.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// What follows a check: one probe when it is answered, one when the server's own check is, for a server may
/// ask a new address to prove itself first.
const PROBES: u8 = 2;

/// The wait for something to be heard.
#[derive(Debug)]
pub(crate) struct Watch {
    /// When to check; `None` while nothing is due.
    next: Option<Instant>,
    first_pause: Duration,
    pause: Duration,
    probes: u8,
}

impl Watch {
    /// At rest. The second check comes *first_pause* after the first.
    pub(crate) fn new(first_pause: Duration) -> Self {
        Self { next: None, first_pause, pause: first_pause, probes: 0 }
    }

    /// Something is due, and nothing was heard since now: check after *quiet*.
    pub(crate) fn start(&mut self, quiet: Duration, now: Instant) {
        self.next = Some(now + quiet);
        self.pause = self.first_pause;
        self.probes = 0;
    }

    /// Nothing is due.
    pub(crate) fn rest(&mut self) {
        self.next = None;
        self.probes = 0;
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.next.is_none()
    }

    /// When `poll` has something.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Whether to check now. Each pause is twice the last, up to `MAX_PAUSE`.
    pub(crate) fn poll(&mut self, now: Instant) -> bool {
        let due = self.next.is_some_and(|next| now >= next);
        if due {
            self.next = Some(now + self.pause);
            self.pause = (2 * self.pause).min(MAX_PAUSE);
            self.probes = PROBES;
        }
        due
    }

    /// Whether what has been answered now is to be followed by a probe.
    pub(crate) fn take_probe(&mut self) -> bool {
        let left = self.probes.checked_sub(1);
        self.probes = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_until_something_is_heard() {
        let start = Instant::now();
        let mut watch = Watch::new(Duration::from_secs(1));
        assert!(watch.is_at_rest() && !watch.poll(start));
        let mut times = Vec::new();
        for _ in 0..2 {
            watch.start(Duration::from_millis(500), start);
            times.clear();
            while times.len() < 4 {
                let now = watch.timeout().unwrap();
                assert!(!watch.poll(now - Duration::from_millis(1)) && watch.poll(now));
                times.push((now - start).as_millis());
            }
            assert_eq!(times, [500, 1500, 3500, 5500]);
        }
        watch.rest();
        assert!(watch.timeout().is_none());
    }

    #[test]
    fn a_check_is_followed_by_two_probes_at_most() {
        let now = Instant::now();
        let mut watch = Watch::new(Duration::from_secs(1));
        watch.start(Duration::ZERO, now);
        assert!(!watch.take_probe());
        assert!(watch.poll(now));
        assert!(watch.take_probe() && watch.take_probe() && !watch.take_probe());
    }
}
