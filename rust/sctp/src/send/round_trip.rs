//! How long a round trip takes (RFC 6298), and the least that it took of late.

use std::time::{Duration, Instant};

/// The least round trip is forgotten after so long: the path may be another one.
const LEAST_FOR: Duration = Duration::from_secs(10);

/// What is known of the round trip.
#[derive(Debug)]
pub(crate) struct RoundTrip {
    smoothed: Option<Duration>,
    variation: Duration,
    least: Option<(Duration, Instant)>,
    initial_timeout: Duration,
    min_timeout: Duration,
    max_timeout: Duration,
}

impl RoundTrip {
    pub(crate) fn new(initial_timeout: Duration, min_timeout: Duration, max_timeout: Duration) -> Self {
        Self {
            smoothed: None,
            variation: Duration::ZERO,
            least: None,
            initial_timeout,
            min_timeout,
            max_timeout,
        }
    }

    pub(crate) fn measure(&mut self, sample: Duration, now: Instant) {
        match self.smoothed {
            None => {
                self.smoothed = Some(sample);
                self.variation = sample / 2;
            }
            Some(smoothed) => {
                self.variation = (self.variation * 3 + smoothed.abs_diff(sample)) / 4;
                self.smoothed = Some((smoothed * 7 + sample) / 8);
            }
        }
        match self.least {
            Some((least, at)) if least < sample && now.saturating_duration_since(at) < LEAST_FOR => {}
            _ => self.least = Some((sample, now)),
        }
    }

    /// It is not longer than this, as far as is known: wait for the first answers a little longer.
    pub(crate) fn bound(&mut self, bound: Duration) {
        self.initial_timeout = self.initial_timeout.max(bound * 3 / 2);
    }

    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed
    }

    pub(crate) fn least(&self) -> Option<Duration> {
        self.least.map(|(least, _)| least)
    }

    /// The retransmission timeout, before it backs off.
    pub(crate) fn timeout(&self) -> Duration {
        let Some(smoothed) = self.smoothed else { return self.initial_timeout };
        smoothed + (self.variation * 4).max(self.min_timeout)
    }

    /// The retransmission timeout after it has expired so many times.
    pub(crate) fn timeout_after(&self, expiries: u32) -> Duration {
        let timeout = self.timeout();
        // A round trip longer than the bound needs its own time all the same.
        let most = self.max_timeout.max(timeout);
        timeout.saturating_mul(1 << expiries.min(16)).min(most)
    }
}
