//! The narrowest link of a path: what comes faster than its rate waits in a queue, and is dropped when that
//! is full.
//!
//! The time when the link is free again says how much waits, so nothing moves until it leaves.

const NANOSECONDS: u128 = 1_000_000_000;

/// A rate and a queue. Times are nanoseconds since any start.
pub(crate) struct Bottleneck {
    bits_per_second: Option<u64>,
    queue_limit: u64,
    free_at: u64,
}

impl Bottleneck {
    /// A link of *bits_per_second*, or one that takes no time; the queue holds *queue_limit* bytes.
    pub(crate) fn new(bits_per_second: Option<u64>, queue_limit: u64) -> Self {
        Self { bits_per_second, queue_limit, free_at: 0 }
    }

    /// Take a packet of *size* bytes; when its last bit has left, or nothing if the queue is full.
    pub(crate) fn offer(&mut self, now: u64, size: u64) -> Option<u64> {
        let Some(rate) = self.bits_per_second else {
            return Some(now);
        };
        let queued = self.queued(now);
        // A queue shorter than a packet would let nothing pass.
        if queued > 0 && queued + size > self.queue_limit {
            return None;
        }
        let takes = u128::from(size) * 8 * NANOSECONDS / u128::from(rate);
        self.free_at = self.free_at.max(now) + takes as u64;
        Some(self.free_at)
    }

    /// How many bytes wait or are on their way out.
    pub(crate) fn queued(&self, now: u64) -> u64 {
        let Some(rate) = self.bits_per_second else {
            return 0;
        };
        let left = u128::from(self.free_at.saturating_sub(now));
        (left * u128::from(rate)).div_ceil(8 * NANOSECONDS) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000_000;
    /// 1250 bytes take a millisecond.
    const RATE: Option<u64> = Some(10_000_000);

    #[test]
    fn packets_leave_at_the_rate() {
        let mut link = Bottleneck::new(RATE, 12_500);
        let left: Vec<u64> = (0..4).filter_map(|_| link.offer(0, 1250)).collect();
        assert_eq!(left, [1, 2, 3, 4].map(|count| count * MILLISECOND));
        assert_eq!(link.offer(100 * MILLISECOND, 1250), Some(101 * MILLISECOND));
    }

    #[test]
    fn a_full_queue_drops_what_comes_and_empties_at_the_rate() {
        let mut link = Bottleneck::new(RATE, 12_500);
        assert_eq!((0..20).filter_map(|_| link.offer(0, 1250)).count(), 10);
        assert_eq!(link.queued(0), 12_500);
        assert_eq!(link.queued(4 * MILLISECOND), 7_500);
        assert_eq!((0..20).filter_map(|_| link.offer(4 * MILLISECOND, 1250)).count(), 4);
    }

    #[test]
    fn a_queue_shorter_than_a_packet_lets_one_pass_at_a_time() {
        let mut link = Bottleneck::new(RATE, 100);
        assert_eq!(link.offer(0, 1250), Some(MILLISECOND));
        assert_eq!(link.offer(0, 1250), None);
        assert_eq!(link.offer(MILLISECOND, 1250), Some(2 * MILLISECOND));
    }

    #[test]
    fn a_link_without_a_rate_takes_no_time() {
        let mut link = Bottleneck::new(None, 0);
        assert!((0..1000).all(|_| link.offer(7, 1250) == Some(7)));
        assert_eq!(link.queued(7), 0);
    }
}
