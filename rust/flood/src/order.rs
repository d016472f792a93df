//! The order in which sources take their turns.

/// Each number below a bound once, then again, and so on.
pub(crate) struct Order {
    bound: usize,
    turn: usize,
    mask: usize,
    half: u32,
    is_random: bool,
}

impl Order {
    /// One after the other, or, with a *seed*, all over the place, and in the same way each time.
    pub(crate) fn new(bound: usize, seed: Option<u64>) -> Self {
        let mask = bound.next_power_of_two() - 1;
        let turn = seed.map_or(0, |seed| seed as usize & mask);
        Self { bound, turn, mask, half: mask.count_ones().div_ceil(2), is_random: seed.is_some() }
    }

    pub(crate) fn next(&mut self) -> usize {
        if !self.is_random {
            let turn = self.turn;
            self.turn = (turn + 1) % self.bound;
            return turn;
        }
        loop {
            // A generator of full period (Hull and Dobell: the factor is 1 modulo 4, the rest is odd).
            self.turn = self.turn.wrapping_mul(0x5851_f42d).wrapping_add(0x1405_7b7f) & self.mask;
            let place = self.mixed(self.turn);
            // Less than half of all are beyond the bound.
            if place < self.bound {
                return place;
            }
        }
    }

    /// Another number for each: the low bits of the generator alone come round too soon.
    fn mixed(&self, number: usize) -> usize {
        let number = (number ^ number >> self.half).wrapping_mul(0x2c1b_3c6d) & self.mask;
        number ^ number >> self.half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [usize; 7] = [1, 2, 3, 8, 1600, 32768, 520_192];

    #[test]
    fn every_number_has_its_turn_once_a_round() {
        for seed in [None, Some(0), Some(7), Some(u64::MAX)] {
            for bound in BOUNDS {
                let mut order = Order::new(bound, seed);
                let mut first: Vec<usize> = (0..bound).map(|_| order.next()).collect();
                assert_eq!(order.next(), first[0]);
                first.sort_unstable();
                assert!(first.iter().copied().eq(0..bound), "{bound} {seed:?}");
            }
        }
    }

    #[test]
    fn a_random_order_depends_on_its_seed_and_has_no_runs() {
        let take = |seed| {
            let mut order = Order::new(32768, Some(seed));
            (0..32768).map(|_| order.next()).collect::<Vec<usize>>()
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
        let neighbours = take(7).windows(2).filter(|pair| pair[0].abs_diff(pair[1]) < 8).count();
        assert!(neighbours < 100, "{neighbours}");
        // Whichever eight follow each other, they are hardly ever the eight ports of one address.
        let ports: usize =
            take(7).chunks(8).map(|eight| eight.iter().map(|place| place % 8).max().unwrap_or(0)).sum();
        assert!(ports > 4096 * 6);
    }
}
