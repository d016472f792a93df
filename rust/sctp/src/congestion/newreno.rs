//! NewReno as in RFC 9002, section 7, paced as its section 7.7 recommends.

use std::time::{Duration, Instant};

use super::{Acknowledged, Controller, Lost};
use crate::rate::rate;

/// RFC 9002, section 7.2: the initial window in packets.
const INITIAL_PACKETS: u64 = 10;
/// RFC 9002, section 7.2: the least window in packets.
const MINIMUM_PACKETS: u64 = 2;

/// Grows by a packet each round trip, and halves at a loss.
#[derive(Debug)]
pub(super) struct NewReno {
    packet_size: u64,
    window: u64,
    threshold: u64,
    /// Bytes acknowledged in congestion avoidance that have not yet grown the window.
    credit: u64,
    is_limited_by_application: bool,
    smoothed: Option<Duration>,
    /// The window and threshold before the last loss.
    before: Option<(u64, u64)>,
}

impl NewReno {
    pub(super) fn new(packet_size: u64) -> Self {
        Self {
            packet_size,
            window: INITIAL_PACKETS * packet_size,
            threshold: u64::MAX,
            credit: 0,
            is_limited_by_application: false,
            smoothed: None,
            before: None,
        }
    }

    fn shrink(&mut self) {
        self.before = Some((self.window, self.threshold));
        self.threshold = (self.window / 2).max(MINIMUM_PACKETS * self.packet_size);
        self.credit = 0;
    }
}

impl Controller for NewReno {
    fn on_sent(&mut self, _: Instant, _: u64, in_flight: u64, is_limited_by_application: bool) {
        self.is_limited_by_application = is_limited_by_application && in_flight < self.window;
    }

    fn on_acknowledged(&mut self, acknowledged: &Acknowledged) {
        if let Some(round_trip) = acknowledged.round_trip {
            let smoothed = self.smoothed.unwrap_or(round_trip);
            self.smoothed = Some((smoothed * 7 + round_trip) / 8);
        }
        if acknowledged.in_recovery || self.is_limited_by_application {
            return;
        }
        if self.window < self.threshold {
            self.window += acknowledged.bytes;
            return;
        }
        self.credit += acknowledged.bytes;
        if self.credit >= self.window {
            self.credit -= self.window;
            self.window += self.packet_size;
        }
    }

    fn on_lost(&mut self, lost: &Lost) {
        if lost.is_new_episode {
            self.shrink();
            self.window = self.threshold;
        }
    }

    fn on_timeout(&mut self, _: Instant) {
        self.shrink();
        self.window = MINIMUM_PACKETS * self.packet_size;
    }

    fn on_spurious(&mut self, _: Instant) {
        if let Some((window, threshold)) = self.before.take() {
            self.window = self.window.max(window);
            self.threshold = threshold;
        }
    }

    fn window(&self) -> u64 {
        self.window
    }

    fn pacing_rate(&self) -> Option<u64> {
        // RFC 9002, section 7.7; twice in slow start, as Linux does.
        let (numerator, denominator) = if self.window < self.threshold { (2, 1) } else { (5, 4) };
        Some(rate(self.window * numerator / denominator, self.smoothed?))
    }
}
