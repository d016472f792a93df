//! Which TSNs have arrived, and when to acknowledge them (RFC 9260 section 6.2).
//!
//! A peer that runs dcsctp, as browsers do, lets its window grow by a packet for each SACK, and sends four packets
//! at most for each. So every second packet is acknowledged, each by a SACK of its own, also where packets are
//! taken in batches: a SACK that says what two would have said costs such a sender half of its speed. A long train that
//! came as one piece shows a sender that does not wait for single SACKs; there one speaks for many.

use std::time::{Duration, Instant};

use crate::ranges::Ranges;

/// Runs of TSNs beyond a gap that are remembered; what would begin another one is not taken.
const MAX_RUNS: usize = 4096;
/// A gap block counts from the cumulative TSN in 16 bits.
const MAX_AHEAD: u64 = u16::MAX as u64;
/// Gaps named in a SACK: half a packet of them. Senders that are told of fewer take what follows for lost.
pub(crate) const MAX_BLOCKS: usize = 128;
/// Duplicates told in a SACK.
const MAX_DUPLICATES: usize = 16;
/// A packet for each so many is acknowledged.
const PACKETS_PER_SACK: usize = 2;
/// The same within a train at least twice as long.
const PACKETS_PER_SACK_OF_TRAIN: usize = 16;

/// What a TSN is to this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    New,
    Duplicate,
    /// Too far ahead, or beyond too many gaps.
    Refused,
}

/// What a SACK says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) cumulative: u32,
    pub(crate) blocks: Vec<(u16, u16)>,
    pub(crate) duplicates: Vec<u32>,
}

/// The TSNs that have come.
#[derive(Debug)]
pub(crate) struct Acknowledger {
    cumulative: u64,
    beyond: Ranges,
    beyond_count: u64,
    duplicates: Vec<u32>,
    /// Packets with data since the last SACK.
    packets: usize,
    delay: Duration,
    due: Option<Instant>,
    is_due_now: bool,
    /// Whether the packet that is being taken had data, and whether anything in it asks for a SACK at once.
    packet_has_data: bool,
    hurries: bool,
    train: usize,
    is_first: bool,
}

impl Acknowledger {
    pub(crate) fn new(first_tsn: u64, delay: Duration) -> Self {
        Self {
            cumulative: first_tsn - 1,
            beyond: Ranges::default(),
            beyond_count: 0,
            duplicates: Vec::new(),
            packets: 0,
            delay,
            due: None,
            is_due_now: false,
            packet_has_data: false,
            hurries: false,
            train: 1,
            is_first: true,
        }
    }

    /// All up to it have come.
    pub(crate) fn cumulative(&self) -> u64 {
        self.cumulative
    }

    /// How many TSNs are missing before the highest that has come.
    pub(crate) fn missing(&self) -> u64 {
        let highest = self.beyond.last().unwrap_or(self.cumulative);
        highest - self.cumulative - self.beyond_count
    }

    pub(crate) fn has_gap(&self) -> bool {
        !self.beyond.is_empty()
    }

    /// What this TSN would be.
    pub(crate) fn judge(&self, tsn: u64) -> Arrival {
        if tsn <= self.cumulative || self.beyond.contains(tsn) {
            Arrival::Duplicate
        } else if tsn > self.cumulative + MAX_AHEAD
            || (tsn != self.cumulative + 1 && self.beyond.len() >= MAX_RUNS && !self.beyond.joins(tsn))
        {
            Arrival::Refused
        } else {
            Arrival::New
        }
    }

    /// A new TSN has come and is kept.
    pub(crate) fn take(&mut self, tsn: u64) {
        // What makes a gap, and what fills one, the sender is to know at once (section 6.2, and RFC 5681
        // section 4.2).
        self.hurries |= self.has_gap();
        if tsn == self.cumulative + 1 {
            self.cumulative = self.beyond.take_first_at(tsn + 1).unwrap_or(tsn);
            self.beyond_count -= self.cumulative - tsn;
        } else {
            self.beyond.insert(tsn, tsn, |_, _| ());
            self.beyond_count += 1;
        }
        self.hurries |= self.has_gap();
        self.packet_has_data = true;
    }

    /// A TSN has come again.
    pub(crate) fn take_duplicate(&mut self, tsn: u32) {
        if self.duplicates.len() < MAX_DUPLICATES {
            self.duplicates.push(tsn);
        }
        self.hurry();
    }

    /// The packet that is being taken is to be acknowledged at once.
    pub(crate) fn hurry(&mut self) {
        self.packet_has_data = true;
        self.hurries = true;
    }

    /// The packets that follow are a train of so many, which came as one piece.
    pub(crate) fn expect(&mut self, packets: usize) {
        self.train = packets;
    }

    /// A packet was taken. Returns whether a SACK is to be written now, before the next packet is.
    pub(crate) fn end_packet(&mut self, now: Instant) -> bool {
        if !std::mem::take(&mut self.packet_has_data) {
            return false;
        }
        self.packets += 1;
        let hurries = std::mem::take(&mut self.hurries) || std::mem::take(&mut self.is_first);
        if hurries {
            self.is_due_now = true;
        }
        let is_train = self.train >= 2 * PACKETS_PER_SACK_OF_TRAIN;
        let most = if is_train { PACKETS_PER_SACK_OF_TRAIN } else { PACKETS_PER_SACK };
        if self.packets >= most || (hurries && !is_train) {
            self.is_due_now = true;
            return true;
        }
        if !self.is_due_now {
            self.due = self.due.or(Some(now + self.delay));
        }
        false
    }

    /// A SACK is to go out with the next packet.
    pub(crate) fn force(&mut self) {
        self.is_due_now = true;
    }

    /// Whether a SACK is to be written.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.is_due_now || self.due.is_some_and(|at| at <= now)
    }

    /// Whether a SACK would say anything new: it can go with data that leaves anyway.
    pub(crate) fn is_pending(&self) -> bool {
        self.is_due_now || self.due.is_some()
    }

    /// When one is due.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.due
    }

    /// What to say now; it counts as said.
    pub(crate) fn report(&mut self) -> Report {
        self.packets = 0;
        self.due = None;
        self.is_due_now = false;
        let offset = |tsn: u64| (tsn - self.cumulative) as u16;
        Report {
            cumulative: self.cumulative as u32,
            blocks: self
                .beyond
                .iter()
                .take(MAX_BLOCKS)
                .map(|(first, last)| (offset(first), offset(last)))
                .collect(),
            duplicates: std::mem::take(&mut self.duplicates),
        }
    }
}
