//! How much the peer is offered: what the path and the reader take in a round trip, twice.
//!
//! A sender that knows only loss fills whatever queue the path has, up to the window. Twice what arrives in the
//! least round trip lets it double in each, and keeps it from more than one path's worth of queue.

use std::time::{Duration, Instant};

/// Shortest time over which the rate is measured.
const SHORTEST: Duration = Duration::from_millis(5);

/// The receive window.
#[derive(Debug)]
pub(crate) struct Window {
    limit: usize,
    most: usize,
    arrived: usize,
    since: Instant,
}

impl Window {
    pub(crate) fn new(first: usize, most: usize, now: Instant) -> Self {
        Self { limit: first.min(most), most, arrived: 0, since: now }
    }

    /// What may be held, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// What to offer while so much is held. A window of less than a packet is none (RFC 9260 section 6.2).
    pub(crate) fn offered(&self, held: usize, packet: usize) -> u32 {
        let free = self.limit.saturating_sub(held);
        if free < packet { 0 } else { u32::try_from(free).unwrap_or(u32::MAX) }
    }

    /// So many bytes have arrived; the round trip takes so long at least.
    pub(crate) fn arrived(&mut self, bytes: usize, now: Instant, round_trip: Option<Duration>) {
        self.arrived += bytes;
        let Some(round_trip) = round_trip else { return };
        let took = now.saturating_duration_since(self.since);
        if took < round_trip.max(SHORTEST) {
            return;
        }
        let in_round_trip = self.arrived as f64 * round_trip.as_secs_f64() / took.as_secs_f64();
        self.limit = self.limit.max(2 * in_round_trip as usize).min(self.most);
        self.arrived = 0;
        self.since = now;
    }
}
