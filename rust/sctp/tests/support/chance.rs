//! Random numbers that a seed repeats.

use std::time::Duration;

/// xorshift64*: a test that fails can be run again.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // The first numbers of neighbouring seeds are alike.
        for _ in 0..8 {
            chance.number();
        }
        chance
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than *end*, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() >> 16) as usize % end
    }

    /// True so often, from 0 to 1.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && ((self.number() >> 11) as f64 / (1_u64 << 53) as f64) < probability
    }

    pub fn duration(&mut self, most: Duration) -> Duration {
        most.mul_f64((self.number() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.number().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
