//! What is lost: loss detection by time (RACK, RFC 8985 section 6), for SCTP.
//!
//! A chunk is lost when one that was sent later has arrived and it has not, some time after that: the reordering
//! window. The window adapts to the path: it grows with what arrives late, and with what was sent again in vain.
//! A retransmission is judged like anything else, so a lost one is found in a round trip too.
//!
//! Browsers name 20 gaps in a SACK and no more. Of what lies beyond the last of so many nothing is known, so it
//! is not judged.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::outstanding::{Outstanding, State};

/// A receiver that names so many gaps may have more. dcsctp, which browsers run, names no more than these.
const GAPS_NAMED: usize = 20;
/// RFC 8985 section 6.2 step 4: where nothing was reordered yet, so many that arrived after it prove a loss.
const DUPLICATE_THRESHOLD: usize = 3;
/// RFC 8985 section 6.2 step 4: a wider window stays for so many recoveries.
const WINDOW_PERSISTS: u32 = 16;
/// The reordering window in quarters of the least round trip, at most.
const MAX_QUARTERS: u32 = 64;

/// The newest transmission that has arrived.
#[derive(Clone, Copy, Debug)]
struct Newest {
    number: u64,
    round_trip: Duration,
}

/// Finds losses.
#[derive(Debug)]
pub(crate) struct Detection {
    newest: Option<Newest>,
    /// First transmissions below it are judged.
    judged: u64,
    /// Those from there on below this one are set aside.
    set_aside: u64,
    /// Chunks that were sent again: TSN and number of the transmission, in the order of these.
    resent: VecDeque<(u64, u64)>,
    /// What may be judged: the highest TSN that the last SACK can tell of.
    known_to: u64,
    /// Highest TSN that has arrived.
    highest: u64,
    has_reordering: bool,
    /// How late a chunk came that was not lost.
    lateness: Duration,
    quarters: u32,
    persists: u32,
    widened: Option<Instant>,
    deadline: Option<Instant>,
}

impl Detection {
    pub(crate) fn new(first: u64) -> Self {
        Self {
            newest: None,
            judged: first,
            set_aside: first,
            resent: VecDeque::new(),
            known_to: u64::MAX,
            highest: first - 1,
            has_reordering: false,
            lateness: Duration::ZERO,
            quarters: 1,
            persists: 0,
            widened: None,
            deadline: None,
        }
    }

    /// A chunk leaves again.
    pub(crate) fn resend(&mut self, tsn: u64, number: u64) {
        self.resent.push_back((tsn, number));
    }

    /// A SACK names so many gaps, the last of them up to *last*.
    pub(crate) fn set_known(&mut self, gaps: usize, last: u64) {
        self.known_to = if gaps >= GAPS_NAMED { last } else { u64::MAX };
    }

    /// Whether a chunk that a SACK tells of now may have arrived long ago: the one before had no room for it.
    pub(crate) fn may_have_arrived_before(&self, tsn: u64) -> bool {
        tsn > self.known_to
    }

    /// Such a transmission has arrived, nobody knows when.
    pub(crate) fn arrived_some_time(&mut self, tsn: u64, number: u64) {
        if let Some(newest) = &mut self.newest {
            newest.number = newest.number.max(number);
        }
        self.highest = self.highest.max(tsn);
    }

    /// A transmission has arrived that left at *sent*; *is_first*: the chunk was sent once.
    pub(crate) fn arrived(&mut self, tsn: u64, number: u64, sent: Instant, is_first: bool, now: Instant) {
        let round_trip = now.saturating_duration_since(sent);
        match &mut self.newest {
            Some(newest) if number < newest.number => {
                if is_first && tsn < self.highest {
                    self.has_reordering = true;
                    // So much longer than the newest it took.
                    let late = round_trip.saturating_sub(newest.round_trip);
                    if late > self.lateness {
                        self.lateness = late;
                        self.persists = WINDOW_PERSISTS;
                    }
                }
            }
            newest => *newest = Some(Newest { number, round_trip }),
        }
        self.highest = self.highest.max(tsn);
    }

    /// What was sent again had arrived: the window was too small.
    pub(crate) fn widen(&mut self, now: Instant, round_trip: Duration) {
        self.has_reordering = true;
        self.persists = WINDOW_PERSISTS;
        // Once a round trip.
        if self.widened.is_none_or(|at| now >= at + round_trip) {
            self.widened = Some(now);
            self.quarters = (self.quarters * 2).min(MAX_QUARTERS);
        }
    }

    /// A recovery has ended.
    pub(crate) fn end_recovery(&mut self) {
        self.persists = self.persists.saturating_sub(1);
        if self.persists == 0 {
            self.quarters = 1;
            self.lateness = Duration::ZERO;
        }
    }

    /// When something may be found that is not lost yet.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The timer has taken everything that was out for lost: judge what is sent from now on.
    pub(crate) fn restart(&mut self, next: u64) {
        self.judged = next;
        self.resent.clear();
        self.deadline = None;
    }

    fn window(
        &self,
        outstanding: &Outstanding,
        in_recovery: bool,
        least: Duration,
        smoothed: Duration,
    ) -> Duration {
        let is_certain = in_recovery || outstanding.acknowledged_count() >= DUPLICATE_THRESHOLD;
        if !self.has_reordering && is_certain {
            return Duration::ZERO;
        }
        // The steps are a guess, and no more than a round trip, as in the RFC. Lateness was measured, and is often more
        // where jitter is all of the round trip.
        let guessed = (least * self.quarters / 4).min(smoothed);
        guessed.max((self.lateness * 5 / 4).min(4 * smoothed))
    }

    /// What cannot be judged yet is not on its way any more after as long, and must not hold back what is to be sent
    /// again.
    fn look_beyond(&mut self, now: Instant, outstanding: &mut Outstanding, patience: Duration) {
        if self.known_to == u64::MAX {
            return;
        }
        self.set_aside = self.set_aside.max(self.judged).max(self.known_to + 1);
        while let Some(chunk) = outstanding.get(self.set_aside) {
            if chunk.state == State::InFlight && chunk.transmissions == 1 {
                let due = chunk.stamp.sent + patience;
                if due > now {
                    // All may have arrived by then, and no SACK come any more.
                    self.deadline = Some(self.deadline.map_or(due, |at| at.min(due)));
                    return;
                }
                outstanding.set_aside(self.set_aside);
            }
            self.set_aside += 1;
        }
    }

    /// Tell *lost* of the chunks that are lost by now.
    pub(crate) fn detect(
        &mut self,
        now: Instant,
        outstanding: &mut Outstanding,
        in_recovery: bool,
        (least, smoothed): (Duration, Duration),
        mut lost: impl FnMut(&mut Outstanding, u64),
    ) {
        self.deadline = None;
        let Some(newest) = self.newest else { return };
        let patience = newest.round_trip + self.window(outstanding, in_recovery, least, smoothed);
        self.judged = self.judged.max(outstanding.first());
        while let Some(chunk) = outstanding.get(self.judged) {
            if matches!(chunk.state, State::InFlight | State::Unknown) && chunk.transmissions == 1 {
                if self.judged > self.known_to || chunk.number > newest.number {
                    break;
                }
                let due = chunk.stamp.sent + patience;
                if due > now {
                    self.deadline = Some(due);
                    break;
                }
                lost(outstanding, self.judged);
            }
            self.judged += 1;
        }
        self.look_beyond(now, outstanding, patience.max(smoothed));
        while let Some((tsn, number)) = self.resent.front().copied() {
            if let Some(chunk) = outstanding.get(tsn)
                && chunk.state == State::InFlight
                && chunk.number == number
            {
                if tsn > self.known_to || number > newest.number {
                    break;
                }
                let due = chunk.stamp.sent + patience;
                if due > now {
                    self.deadline = Some(self.deadline.map_or(due, |at| at.min(due)));
                    break;
                }
                lost(outstanding, tsn);
            }
            self.resent.pop_front();
        }
    }
}
