//! When the next train of packets may leave.

use std::time::{Duration, Instant};

use crate::rate::amount;

/// How long a train is at the pacing rate (draft-ietf-ccwg-bbr, "BBRSetSendQuantum").
const TRAIN: Duration = Duration::from_millis(1);
/// A train is at least two packets, so that a receiver that acknowledges every second one does so at once.
const TRAIN_LEAST: u64 = 2400;
/// A train is at most this: what fits into a few UDP GSO sends.
const TRAIN_MOST: u64 = 1 << 20;
/// How late a train may leave and yet be as large as the delay allows. Timers of epoll have milliseconds and round up,
/// and a busy machine adds to that.
const LATENESS: Duration = Duration::from_millis(3);

/// A bucket that fills at the pacing rate, and holds what about a millisecond allows.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Bytes that may leave now; negative after a packet that was larger than what was left.
    credit: i64,
    /// When *credit* was right.
    updated: Instant,
    /// The bucket was emptied, and waits until it holds a whole train.
    is_waiting: bool,
    is_paced: bool,
}

impl Pacer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { credit: TRAIN_LEAST as i64, updated: now, is_waiting: false, is_paced: false }
    }

    /// Whether a packet may leave now, at *rate* bytes a second (none: at once).
    pub(crate) fn may_send(&mut self, now: Instant, rate: Option<u64>) -> bool {
        self.is_paced = rate.is_some();
        let Some(rate) = rate else {
            self.updated = now;
            return true;
        };
        self.fill(now, rate);
        if self.is_waiting {
            self.is_waiting = self.credit < train(rate);
        } else {
            self.is_waiting = self.credit <= 0;
        }
        !self.is_waiting
    }

    /// So many bytes have left.
    pub(crate) fn sent(&mut self, bytes: u64) {
        if self.is_paced {
            self.credit = self.credit.saturating_sub_unsigned(bytes);
        }
    }

    /// When a train may leave next, if not now.
    pub(crate) fn next(&self, rate: Option<u64>) -> Option<Instant> {
        let rate = rate.filter(|_| self.is_waiting)?.max(1);
        let missing = train(rate).saturating_sub(self.credit).max(0).unsigned_abs();
        let nanoseconds = (u128::from(missing) * 1_000_000_000).div_ceil(u128::from(rate));
        Some(self.updated + Duration::from_nanos(nanoseconds as u64))
    }

    fn fill(&mut self, now: Instant, rate: u64) {
        let passed = now.saturating_duration_since(self.updated);
        let gained = amount(rate, passed);
        // Time that is too short for a byte is kept for the next call.
        if gained == 0 {
            return;
        }
        self.updated = now;
        let most = train(rate) + if self.is_waiting { amount(rate, LATENESS) as i64 } else { 0 };
        self.credit = self.credit.saturating_add_unsigned(gained).min(most.max(self.credit));
    }
}

/// The bytes of a train at *rate*.
fn train(rate: u64) -> i64 {
    amount(rate, TRAIN).clamp(TRAIN_LEAST, TRAIN_MOST) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: u64 = 1200;

    /// Sends packets for *duration* with timers that are late by *lateness*; gives the bytes and the trains.
    fn run(rate: u64, duration: Duration, lateness: Duration) -> (u64, u64) {
        let start = Instant::now();
        let mut now = start;
        let mut pacer = Pacer::new(start);
        let (mut bytes, mut trains) = (0, 0);
        while now < start + duration {
            trains += 1;
            while pacer.may_send(now, Some(rate)) {
                pacer.sent(PACKET);
                bytes += PACKET;
            }
            now = pacer.next(Some(rate)).expect("it waits") + lateness;
        }
        (bytes, trains)
    }

    #[test]
    fn late_timers_reach_the_full_rate() {
        for rate in [100_000, 1_250_000, 12_500_000, 500_000_000] {
            for lateness in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(2)] {
                let (bytes, _) = run(rate, Duration::from_secs(2), lateness);
                let share = bytes as f64 / (2 * rate) as f64;
                assert!((0.98..1.05).contains(&share), "{rate} {lateness:?}: {share}");
            }
        }
    }

    #[test]
    fn packets_leave_in_trains() {
        let (_, trains) = run(100_000_000, Duration::from_secs(1), Duration::ZERO);
        assert!((900..1100).contains(&trains), "{trains}");
        let (bytes, trains) = run(1_000_000, Duration::from_secs(1), Duration::ZERO);
        assert!(bytes / trains >= 2 * PACKET, "{bytes} {trains}");
    }

    #[test]
    fn a_pause_allows_one_train_only() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        let later = start + Duration::from_secs(10);
        let mut bytes = 0;
        while pacer.may_send(later, Some(12_500_000)) {
            pacer.sent(PACKET);
            bytes += PACKET;
        }
        assert!(bytes <= 12_500 + PACKET, "{bytes}");
    }

    #[test]
    fn the_time_it_names_is_right() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        for rate in [1, 999, 1_000_003, 77_777_777] {
            while pacer.may_send(pacer.updated, Some(rate)) {
                pacer.sent(PACKET);
            }
            let next = pacer.next(Some(rate)).expect("it waits");
            assert!(!pacer.may_send(next - Duration::from_micros(2), Some(rate)));
            let next = pacer.next(Some(rate)).expect("it waits");
            assert!(pacer.may_send(next, Some(rate)), "{rate}");
        }
    }

    #[test]
    fn without_a_rate_everything_leaves_at_once() {
        let now = Instant::now();
        let mut pacer = Pacer::new(now);
        for _ in 0..1000 {
            assert!(pacer.may_send(now, None));
            pacer.sent(PACKET);
        }
        assert_eq!(pacer.next(None), None);
        assert!(pacer.may_send(now, Some(1000)));
    }
}
