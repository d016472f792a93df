//! Which Binding requests are answered where more come than can be.
//!
//! Whoever owns or forges enough addresses gets as much of what strangers share as he likes, so there is no rate for
//! them: all are answered for as long as the machine keeps up. Where it does not, the caller says how many more it can
//! take in this turn, and the others are dropped before an HMAC is computed for them. Established connections and
//! addresses that have proved themselves do not count among these.

use std::net::SocketAddr;
use std::time::Instant;

use crate::config::Config;
use crate::random::Random;
use crate::rates::{Rate, Shares};

const KNOWN_BURST_SECONDS: f64 = 1.0;

/// What is left.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Requests of strangers; none means that there is no bound.
    strangers: Option<usize>,
    known: Shares,
}

impl Gate {
    pub(crate) fn new(config: &Config, random: &mut Random, now: Instant) -> Self {
        let known = Rate::new(config.requests_per_second_of_known, KNOWN_BURST_SECONDS);
        Self { strangers: None, known: Shares::new(known, random.block(), now) }
    }

    /// Answer so many requests of strangers from now on, or all.
    pub(crate) fn set_strangers(&mut self, strangers: Option<usize>) {
        self.strangers = strangers;
    }

    /// Whether strangers are too many.
    pub(crate) fn is_crowded(&self) -> bool {
        self.strangers.is_some()
    }

    /// Whether to answer a request. An address that *is_known* has a rate of its own, and what is beyond
    /// that competes with the strangers.
    pub(crate) fn admits(&mut self, source: SocketAddr, is_known: bool, now: Instant) -> bool {
        if is_known && self.known.take(&source, now) {
            return true;
        }
        let Some(strangers) = &mut self.strangers else { return true };
        let has = *strangers > 0;
        *strangers -= usize::from(has);
        has
    }
}
