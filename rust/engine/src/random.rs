//! Randomness from a seed that the caller gives, so that a test can repeat what it saw.

use sha2::{Digest, Sha256};

/// A stream of bytes that nobody can predict without the seed: SHA-256 of the seed and a counter.
#[derive(Clone)]
pub struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random(…)")
    }
}

impl Random {
    /// The stream of *seed*, which must come from a secure source and be used once.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    /// The next 32 bytes.
    pub fn block(&mut self) -> [u8; 32] {
        let hash = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes());
        self.counter += 1;
        hash.finalize().into()
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        let block = self.block();
        block.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// The next STUN transaction id.
    pub fn transaction_id(&mut self) -> [u8; 12] {
        let mut id = [0; 12];
        id.copy_from_slice(&self.block()[..12]);
        id
    }
}
