//! The rate at which the path delivers (draft-cheng-iccrg-delivery-rate-estimation).

use std::time::{Duration, Instant};

/// What was known when a chunk left; kept with the chunk until it is acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// When it left.
    pub sent: Instant,
    /// Bytes in flight when it left, itself included.
    pub in_flight: u64,
    /// Bytes lost, ever, when it left.
    pub lost: u64,
    delivered: u64,
    delivered_at: Instant,
    first_sent: Instant,
    is_application_limited: bool,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Bytes delivered, ever, when the newest acknowledged chunk had left.
    pub prior_delivered: u64,
    /// Bytes delivered, ever, now.
    pub total_delivered: u64,
    /// Bytes delivered in between.
    pub delivered: u64,
    /// In how long.
    pub interval: Duration,
    /// Whether the sender had nothing more to send meanwhile.
    pub is_application_limited: bool,
    /// Bytes in flight when the newest acknowledged chunk had left.
    pub in_flight_when_sent: u64,
    /// Bytes lost since then.
    pub lost: u64,
}

/// Measures.
#[derive(Debug)]
pub(crate) struct Sampler {
    // Helper A fills this in.
}

impl Sampler {
    pub(crate) fn new(now: Instant) -> Self;
    /// A chunk of *bytes* leaves; *in_flight* before it.
    pub(crate) fn send(&mut self, now: Instant, bytes: u64, in_flight: u64) -> Stamp;
    /// A chunk is newly acknowledged.
    pub(crate) fn acknowledge(&mut self, now: Instant, stamp: &Stamp, bytes: u64);
    /// A chunk is taken for lost.
    pub(crate) fn lose(&mut self, bytes: u64);
    /// Bytes lost, ever.
    pub(crate) fn lost(&self) -> u64;
    /// There is nothing more to send; *in_flight* is.
    pub(crate) fn limit_by_application(&mut self, in_flight: u64);
    /// After all that one SACK acknowledges: what it has measured.
    pub(crate) fn take_sample(&mut self, now: Instant, least_round_trip: Option<Duration>) -> Option<Sample>;
}
