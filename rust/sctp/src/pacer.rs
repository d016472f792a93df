//! When the next train of packets may leave.

use std::time::Instant;

/// A bucket that fills at the pacing rate, and holds what about a millisecond allows.
#[derive(Debug)]
pub(crate) struct Pacer {}

impl Pacer {
    pub(crate) fn new(now: Instant) -> Self;
    /// Whether a packet may leave now, at *rate* bytes a second (none: at once).
    pub(crate) fn may_send(&mut self, now: Instant, rate: Option<u64>) -> bool;
    /// So many bytes have left.
    pub(crate) fn sent(&mut self, bytes: u64);
    /// When a train may leave next, if not now.
    pub(crate) fn next(&self, rate: Option<u64>) -> Option<Instant>;
}
