//! HyStart++ (RFC 9406): a slow start that ends when the round trip grows, before the queue overflows.

use std::time::Duration;

use super::Acknowledged;

/// RFC 9406, section 4.3: the least and the most growth of the round trip that tells of a queue.
const MIN_RTT_THRESH: Duration = Duration::from_millis(4);
const MAX_RTT_THRESH: Duration = Duration::from_millis(16);
/// The same: between those, the growth is this part of the round trip.
const MIN_RTT_DIVISOR: u32 = 8;
/// The same: samples in a round before it says anything.
const N_RTT_SAMPLE: u32 = 8;
/// The same: how much slower Conservative Slow Start grows.
const CSS_GROWTH_DIVISOR: u64 = 4;
/// The same: rounds of it before slow start ends.
const CSS_ROUNDS: u32 = 5;

/// What an acknowledgement allows the window to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Growth {
    /// Grow by so many bytes.
    By(u64),
    /// Slow start is over.
    Ends,
}

/// Watches the least round trip of each round.
#[derive(Clone, Debug)]
pub(super) struct HyStart {
    /// Bytes delivered at which the round ends.
    round_end: u64,
    last: Option<Duration>,
    current: Option<Duration>,
    samples: u32,
    /// In Conservative Slow Start: the round trip below which it was a mistake, and the rounds it has lasted.
    conservative: Option<(Duration, u32)>,
}

impl HyStart {
    pub(super) fn new() -> Self {
        Self { round_end: 0, last: None, current: None, samples: 0, conservative: None }
    }

    pub(super) fn on_acknowledged(&mut self, acknowledged: &Acknowledged) -> Growth {
        if let Some(sample) = acknowledged.sample
            && sample.prior_delivered >= self.round_end
        {
            self.round_end = sample.total_delivered;
            if self.end_round() {
                return Growth::Ends;
            }
        }
        if let Some(round_trip) = acknowledged.round_trip {
            self.samples += 1;
            self.current = Some(self.current.map_or(round_trip, |least| least.min(round_trip)));
        }
        self.judge();
        match self.conservative {
            None => Growth::By(acknowledged.bytes),
            Some(_) => Growth::By(acknowledged.bytes / CSS_GROWTH_DIVISOR),
        }
    }

    /// Whether slow start is over with this round.
    fn end_round(&mut self) -> bool {
        self.last = self.current.take().or(self.last);
        self.samples = 0;
        let Some((_, rounds)) = &mut self.conservative else { return false };
        *rounds += 1;
        *rounds > CSS_ROUNDS
    }

    fn judge(&mut self) {
        let (Some(last), Some(current)) = (self.last, self.current) else { return };
        if self.samples < N_RTT_SAMPLE {
            return;
        }
        match self.conservative {
            None => {
                let threshold = (last / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
                if current >= last + threshold {
                    self.conservative = Some((current, 0));
                }
            }
            Some((baseline, _)) if current < baseline => self.conservative = None,
            Some(_) => {}
        }
    }
}
