//! How much the peer is offered.
//!
//! A sender that knows nothing but loss fills whatever queue the path has, and the window is what keeps it from that.
//! So what may be in flight follows what arrives in the least round trip: three times that while the rate
//! still grows, which lets it double in each round trip, twice that once it does not, and a little more than it
//! after a queue has overflowed. What has arrived beyond a gap does not count: the sender could not go on while it
//! mends a loss.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Shortest time over which the rate is measured.
const SHORTEST: Duration = Duration::from_millis(5);
/// The rate counts as growing while it is more by a quarter than three rounds ago (as BBR's start does).
const GROWTH: f64 = 1.25;
const ROUNDS_WITHOUT_GROWTH: u32 = 3;
/// What is offered, in what arrives in the least round trip.
const GAIN_GROWING: f64 = 3.0;
const GAIN: f64 = 2.0;
const GAIN_AFTER_OVERFLOW: f64 = 1.25;
/// A queue has overflowed where at the end of a round so many TSNs are missing, and a tenth of what has come.
const MISSING: u64 = 16;
const MISSING_SHARE: u64 = 10;
/// The best rate counts for so many rounds, and for so long at least: a sender may have had nothing to send.
const ROUNDS: u32 = 32;
const REMEMBERED: Duration = Duration::from_secs(10);
/// What may be held of what was offered, in what may be in flight: it waits for a gap to be filled, or for its reader.
const HELD: usize = 4;
/// The least of that.
const HELD_LEAST: usize = 1 << 20;

/// The receive window.
#[derive(Debug)]
pub(crate) struct Window {
    first: usize,
    most: usize,
    /// What may be in flight.
    limit: usize,
    arrived: usize,
    since: Instant,
    /// Rates of late, with when they were measured, in bytes a second.
    rates: VecDeque<(Instant, f64)>,
    /// The rate when it last grew, and for how many rounds it has not.
    grown_to: f64,
    rounds: u32,
    /// TSNs that have arrived in this round.
    packets: u64,
    overflowed: Option<Instant>,
}

impl Window {
    pub(crate) fn new(first: usize, most: usize, now: Instant) -> Self {
        Self {
            first: first.min(most),
            most,
            limit: first.min(most),
            arrived: 0,
            since: now,
            rates: VecDeque::new(),
            grown_to: 0.0,
            rounds: 0,
            packets: 0,
            overflowed: None,
        }
    }

    /// What may be in flight, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// What may be held, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        (self.limit * HELD).max(HELD_LEAST).min(self.most)
    }

    /// What to offer while so much is held. A window of less than a packet is none (RFC 9260 section 6.2).
    pub(crate) fn offered(&self, held: usize, packet: usize) -> u32 {
        let free = self.capacity().saturating_sub(held).min(self.limit);
        if free < packet { 0 } else { u32::try_from(free).unwrap_or(u32::MAX) }
    }

    /// A chunk of so many bytes has arrived, and so many TSNs before it are missing; the round trip takes so long at
    /// least.
    pub(crate) fn arrived(&mut self, bytes: usize, missing: u64, now: Instant, round_trip: Option<Duration>) {
        self.arrived += bytes;
        self.packets += 1;
        let Some(round_trip) = round_trip else { return };
        let took = now.saturating_duration_since(self.since);
        if took < round_trip.max(SHORTEST) {
            return;
        }
        let rate = self.arrived as f64 / took.as_secs_f64();
        self.arrived = 0;
        self.since = now;
        if rate >= self.grown_to * GROWTH {
            self.grown_to = rate;
            self.rounds = 0;
        } else {
            self.rounds += 1;
        }
        if missing >= MISSING && missing >= self.packets / MISSING_SHARE {
            self.overflowed = Some(now);
        }
        self.packets = 0;
        let remembered = REMEMBERED.max(round_trip * ROUNDS);
        while self.rates.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > remembered) {
            self.rates.pop_front();
        }
        // What the newest one exceeds will never be the best.
        while self.rates.back().is_some_and(|(_, older)| *older <= rate) {
            self.rates.pop_back();
        }
        self.rates.push_back((now, rate));
        let best = self.rates.front().map_or(rate, |(_, best)| *best);
        let gain = if self.overflowed.is_some_and(|at| now.saturating_duration_since(at) < remembered) {
            GAIN_AFTER_OVERFLOW
        } else if self.rounds < ROUNDS_WITHOUT_GROWTH {
            GAIN_GROWING
        } else {
            GAIN
        };
        self.limit = ((best * gain * round_trip.as_secs_f64()) as usize).clamp(self.first, self.most);
    }
}
