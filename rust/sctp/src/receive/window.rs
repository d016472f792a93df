//! How much the peer is offered.
//!
//! A sender that knows nothing but loss fills whatever queue the path has, and the window is what keeps it from that.
//! So what may be in flight follows what the path brings in the least round trip: 1.75 times that, which lets a sender
//! nearly double in each round trip, and a little more than it once a queue has overflowed. What has arrived beyond
//! a gap does not count: the sender could not go on while it mends a loss.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The rate is measured over a quarter of the least round trip, and over this at least. In less than the whole, for
/// at the start a flight comes in one piece, as fast as the path is.
const PART: u32 = 4;
const SHORTEST: Duration = Duration::from_millis(2);
/// What is offered, in what arrives in the least round trip.
const GAIN: f64 = 1.75;
const GAIN_AFTER_OVERFLOW: f64 = 1.25;
/// A queue has overflowed where so many TSNs are missing, and a tenth of what came in the last round trip.
const MISSING: u64 = 16;
const MISSING_SHARE: u64 = 10;
/// The best rate counts for so many round trips, and for so long at least: a sender may have had nothing to send.
const ROUND_TRIPS: u32 = 32;
const REMEMBERED: Duration = Duration::from_secs(10);
/// What may be held, in what was ever offered: it waits for a gap to be filled, or for its reader.
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
    /// What may be held.
    capacity: usize,
    arrived: usize,
    since: Instant,
    /// Rates of late that nothing newer exceeds, with when they were measured, in bytes a second.
    rates: VecDeque<(Instant, f64)>,
    /// TSNs that came in the parts of the last round trip.
    packets: [u64; PART as usize],
    overflowed: Option<Instant>,
}

impl Window {
    pub(crate) fn new(first: usize, most: usize, now: Instant) -> Self {
        Self {
            first: first.min(most),
            most,
            limit: first.min(most),
            capacity: HELD_LEAST.min(most),
            arrived: 0,
            since: now,
            rates: VecDeque::new(),
            packets: [0; PART as usize],
            overflowed: None,
        }
    }

    /// What may be in flight, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// What may be held, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// What to offer while so much is held, and so much could be beside it. A window of less than a packet is none (RFC 9260 section 6.2).
    pub(crate) fn offered(&self, held: usize, room: usize, packet: usize) -> u32 {
        let free = self.capacity.saturating_sub(held).min(self.limit).min(room);
        if free < packet { 0 } else { u32::try_from(free).unwrap_or(u32::MAX) }
    }

    /// A chunk of so many bytes has arrived, and so many TSNs before it are missing; the round trip takes so long at
    /// least.
    pub(crate) fn arrived(&mut self, bytes: usize, missing: u64, now: Instant, round_trip: Option<Duration>) {
        self.arrived += bytes;
        self.packets[0] += 1;
        let Some(round_trip) = round_trip else { return };
        let took = now.saturating_duration_since(self.since);
        if took < (round_trip / PART).max(SHORTEST) {
            return;
        }
        let rate = self.arrived as f64 / took.as_secs_f64();
        self.arrived = 0;
        self.since = now;
        if missing >= MISSING && missing >= self.packets.iter().sum::<u64>() / MISSING_SHARE {
            self.overflowed = Some(now);
        }
        self.packets.rotate_right(1);
        self.packets[0] = 0;
        let remembered = REMEMBERED.max(round_trip * ROUND_TRIPS);
        let is_old = |at: Instant| now.saturating_duration_since(at) > remembered;
        while self.rates.front().is_some_and(|(at, _)| is_old(*at)) {
            self.rates.pop_front();
        }
        while self.rates.back().is_some_and(|(_, older)| *older <= rate) {
            self.rates.pop_back();
        }
        self.rates.push_back((now, rate));
        let best = self.rates.front().map_or(rate, |(_, best)| *best);
        let has_overflowed = self.overflowed.is_some_and(|at| !is_old(at));
        let gain = if has_overflowed { GAIN_AFTER_OVERFLOW } else { GAIN };
        self.limit = ((best * gain * round_trip.as_secs_f64()) as usize).clamp(self.first, self.most);
        self.capacity = (self.limit * HELD).clamp(self.capacity, self.most);
    }
}
