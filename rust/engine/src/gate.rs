//! Which Binding requests are answered: those beyond a rate are dropped before an HMAC is computed for
//! them, since it is the answering that a flood of authentic requests would keep the listener busy with.

use std::net::SocketAddr;
use std::time::Instant;

use crate::config::Config;
use crate::random::Random;
use crate::rates::{FairRate, Rate, Shares};

/// A burst is what a quarter of a second allows, which is how long nothing else would be done for it.
const BURST_SECONDS: f64 = 0.25;
const KNOWN_BURST_SECONDS: f64 = 1.0;

/// The rates of requests.
#[derive(Debug)]
pub(crate) struct Gate {
    strangers: FairRate,
    known: Shares,
}

impl Gate {
    pub(crate) fn new(config: &Config, random: &mut Random, now: Instant) -> Self {
        let known = Rate::new(config.requests_per_second_of_known, KNOWN_BURST_SECONDS);
        Self {
            strangers: FairRate::new(config.requests_per_second, BURST_SECONDS, random.block(), now),
            known: Shares::new(known, random.block(), now),
        }
    }

    /// Whether to answer a request. An address that *is_known* has a rate of its own, and what is beyond
    /// that competes with the strangers.
    pub(crate) fn admits(&mut self, source: SocketAddr, is_known: bool, now: Instant) -> bool {
        (is_known && self.known.take(&source, now)) || self.strangers.take(source.ip(), now)
    }
}
