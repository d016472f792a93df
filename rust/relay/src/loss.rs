//! Which packets are lost: each by itself, and in bursts (Gilbert's two states, the bad one of which loses
//! all).

use crate::random::Random;

/// Shares are from 0 to 1.
pub(crate) struct Loss {
    alone: f64,
    burst_begins: f64,
    burst_ends: f64,
    in_burst: bool,
}

impl Loss {
    /// Lose the share *alone* one by one, and the share *in_bursts* in bursts of *burst_length* on average.
    pub(crate) fn new(alone: f64, in_bursts: f64, burst_length: f64) -> Self {
        let burst_ends = burst_length.max(1.0).recip();
        // In the long run the bad state holds begins / (begins + ends) of the packets.
        let burst_begins = (burst_ends * in_bursts / (1.0 - in_bursts)).min(1.0);
        Self { alone, burst_begins, burst_ends, in_burst: false }
    }

    pub(crate) fn is_lost(&mut self, random: &mut Random) -> bool {
        if self.burst_begins > 0.0 {
            let turns = if self.in_burst { self.burst_ends } else { self.burst_begins };
            self.in_burst ^= random.unit() < turns;
        }
        self.in_burst || (self.alone > 0.0 && random.unit() < self.alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: usize = 1_000_000;

    fn lost(mut loss: Loss, seed: u64) -> Vec<bool> {
        let mut random = Random::new(seed);
        (0..PACKETS).map(|_| loss.is_lost(&mut random)).collect()
    }

    fn share(lost: &[bool]) -> f64 {
        lost.iter().filter(|lost| **lost).count() as f64 / lost.len() as f64
    }

    #[test]
    fn the_share_that_was_asked_for_is_lost() {
        for share_asked in [0.001, 0.01, 0.2] {
            let found = share(&lost(Loss::new(share_asked, 0.0, 1.0), 1));
            assert!((found / share_asked - 1.0).abs() < 0.15, "{found} for {share_asked}");
        }
    }

    #[test]
    fn bursts_have_the_share_and_the_length_that_were_asked_for() {
        let lost = lost(Loss::new(0.0, 0.02, 8.0), 1);
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        let length = share(&lost) * PACKETS as f64 / bursts as f64;
        assert!((share(&lost) / 0.02 - 1.0).abs() < 0.15, "{}", share(&lost));
        assert!((length / 8.0 - 1.0).abs() < 0.15, "{length}");
    }

    #[test]
    fn a_seed_loses_the_same_packets_again() {
        let once = |seed| lost(Loss::new(0.1, 0.1, 3.0), seed);
        assert_eq!(once(7), once(7));
        assert_ne!(once(7), once(8));
    }

    #[test]
    fn nothing_is_lost_where_nothing_was_asked_for() {
        assert!(!lost(Loss::new(0.0, 0.0, 1.0), 1).contains(&true));
    }
}
