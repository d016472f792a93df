//! What BBR knows of the path: estimators that forget.

use std::time::{Duration, Instant};

use crate::congestion::Sample;
use crate::rate::amount;

/// Shorter rounds than a train of the pacer say nothing about a path: on loopback, a dozen of them pass
/// while the other end waits for a processor.
const ROUND_LEAST: Duration = Duration::from_millis(1);

/// Section 5.5.1: packet-timed round trips.
#[derive(Debug)]
pub(super) struct Rounds {
    pub(super) count: u64,
    /// Whether the current acknowledgement begins one.
    pub(super) is_start: bool,
    next_delivered: u64,
    began: Instant,
}

impl Rounds {
    pub(super) fn new(now: Instant) -> Self {
        Self { count: 0, is_start: false, next_delivered: 0, began: now }
    }

    pub(super) fn update(&mut self, now: Instant, sample: &Sample) {
        self.is_start = sample.prior_delivered >= self.next_delivered
            && now.saturating_duration_since(self.began) >= ROUND_LEAST;
        if self.is_start {
            self.count += 1;
            self.start(now, sample.total_delivered);
        }
    }

    /// The round ends once what is sent from now on is acknowledged.
    pub(super) fn start(&mut self, now: Instant, delivered: u64) {
        self.next_delivered = delivered;
        self.began = now;
    }
}

/// Section 5.5.2: the highest delivery rate of this ProbeBW cycle and the one before.
#[derive(Debug, Default)]
pub(super) struct MaxBw {
    cycles: [u64; 2],
}

impl MaxBw {
    pub(super) fn get(&self) -> u64 {
        self.cycles[0].max(self.cycles[1])
    }

    pub(super) fn update(&mut self, rate: u64) {
        self.cycles[1] = self.cycles[1].max(rate);
    }

    pub(super) fn advance(&mut self) {
        // A cycle without any sample (all were limited by the application) forgets nothing.
        if self.cycles[1] > 0 {
            self.cycles = [self.cycles[1], 0];
        }
    }
}

/// Section 2.16.1: how long a least round trip is believed.
const MIN_RTT_FILTER_LEN: Duration = Duration::from_secs(10);
/// Section 2.16.2: how long until it is measured anew, if nothing has confirmed it.
const PROBE_RTT_INTERVAL: Duration = Duration::from_secs(5);

/// A round trip that is longer by less than this part of the least one confirms it.
const CONFIRMATION: u32 = 32;

/// Section 5.3.4.3: the least round trip.
#[derive(Debug)]
pub(super) struct MinRtt {
    least: Option<(Duration, Instant)>,
    probe: Option<(Duration, Instant)>,
    pub(super) is_probe_due: bool,
}

impl MinRtt {
    pub(super) fn new() -> Self {
        Self { least: None, probe: None, is_probe_due: false }
    }

    pub(super) fn get(&self) -> Option<Duration> {
        self.least.map(|(least, _)| least)
    }

    pub(super) fn update(&mut self, now: Instant, round_trip: Option<Duration>) {
        let has_expired = |estimate: Option<(Duration, Instant)>, after: Duration| {
            estimate.is_some_and(|(_, since)| now > since + after)
        };
        self.is_probe_due = has_expired(self.probe, PROBE_RTT_INTERVAL);
        if let Some(round_trip) = round_trip
            && (self.is_probe_due || self.probe.is_none_or(|(least, _)| round_trip < least))
        {
            self.probe = Some((round_trip, now));
        }
        // Here we leave the draft, which wants a shorter one: a round trip that is nearly the least has met no queue,
        // so there is no need to empty the path for 200 ms.
        if let Some(round_trip) = round_trip {
            for (least, since) in [&mut self.probe, &mut self.least].into_iter().flatten() {
                if round_trip <= *least + *least / CONFIRMATION {
                    *since = now;
                }
            }
        }
        let Some((probe, _)) = self.probe else { return };
        if has_expired(self.least, MIN_RTT_FILTER_LEN) || self.least.is_none_or(|(least, _)| probe < least) {
            self.least = self.probe;
        }
    }

    /// A ProbeRTT has ended: the next is due an interval from now.
    pub(super) fn restart(&mut self, now: Instant) {
        if let Some((_, since)) = &mut self.probe {
            *since = now;
        }
    }
}

/// Section 2.12: rounds that a measured aggregation is remembered; half of it, as it is kept in two halves.
const EXTRA_ACKED_HALF: u64 = 5;

/// Section 5.5.9: how much more is acknowledged at once than the path delivers.
#[derive(Debug)]
pub(super) struct ExtraAcked {
    start: Instant,
    acked: u64,
    halves: [u64; 2],
    half_began: u64,
}

impl ExtraAcked {
    pub(super) fn new(now: Instant) -> Self {
        Self { start: now, acked: 0, halves: [0, 0], half_began: 0 }
    }

    pub(super) fn get(&self) -> u64 {
        self.halves[0].max(self.halves[1])
    }

    pub(super) fn restart(&mut self, now: Instant) {
        self.start = now;
        self.acked = 0;
    }

    /// *bytes* were acknowledged; the path delivers *bw*; no more than *most* can be extra.
    pub(super) fn update(
        &mut self,
        now: Instant,
        bytes: u64,
        bw: u64,
        most: u64,
        round: u64,
        is_startup: bool,
    ) {
        let mut expected = amount(bw, now.saturating_duration_since(self.start));
        if self.acked <= expected {
            self.restart(now);
            expected = 0;
        }
        self.acked += bytes;
        // In Startup a single round is remembered: the rate is not known yet.
        let length = if is_startup { 1 } else { EXTRA_ACKED_HALF };
        if round >= self.half_began + length {
            self.half_began = round;
            self.halves = [self.halves[1], 0];
        }
        self.halves[1] = self.halves[1].max(self.acked.saturating_sub(expected).min(most));
    }
}

/// Section 5.3.1.2: growth below this is none.
const FULL_BW_GROWTH: f64 = 1.25;
/// The same: after so many rounds without growth the pipe is full.
const FULL_BW_ROUNDS: u32 = 3;

/// Section 5.3.1.2: whether faster sending delivers no more.
#[derive(Debug, Default)]
pub(super) struct FullBw {
    bw: u64,
    count: u32,
    /// Since it last began to look.
    pub(super) is_now: bool,
    /// Ever.
    pub(super) is_reached: bool,
}

impl FullBw {
    /// Begins to look anew, for growth over *bw*.
    pub(super) fn reset(&mut self, bw: u64) {
        *self = Self { bw, is_reached: self.is_reached, ..Self::default() };
    }

    /// A round has ended with a delivery rate.
    pub(super) fn update(&mut self, rate: u64) {
        if self.is_now {
            return;
        }
        if rate as f64 >= self.bw as f64 * FULL_BW_GROWTH {
            self.reset(rate);
            return;
        }
        self.count += 1;
        self.is_now = self.count >= FULL_BW_ROUNDS;
        self.is_reached |= self.is_now;
    }
}

/// How long at least a least round trip tells what an empty queue looks like: longer than the model remembers it, as
/// many flows together keep a queue filled for minutes, and all would come to believe that it is the path.
const QUEUE_MEMORY: Duration = Duration::from_secs(30);
/// Samples in each half of the window of [`Queue`].
const QUEUE_SAMPLES: u32 = 8;
/// The part of the least round trip by which it grows if there is a queue: as HyStart++ (RFC 9406, section 4.3).
const QUEUE_DIVISOR: u32 = 8;
/// The part of the least round trip that the round trips of two cycles have to spread over, to tell of a queue.
const PEAK_DIVISOR: u32 = 32;
/// Trains of the pacer make a queue of this without any congestion.
const QUEUE_LEAST: Duration = Duration::from_millis(1);
/// More growth than this tells of a queue on any path: as HyStart++.
const QUEUE_MOST: Duration = Duration::from_millis(16);

/// A cycle's least round trip of more than twice the least one: with that much in the queue, our window would be
/// what limits us, and not the bandwidth.
const OTHERS_FACTOR: u32 = 2;

/// Whether there is a queue: the least of the latest round trips is clearly above the least of a long time.
#[derive(Debug, Default)]
pub(super) struct Queue {
    halves: [Option<Duration>; 2],
    samples: u32,
    last: Option<Duration>,
    /// How much neighbouring round trips differ.
    jitter: Duration,
    /// The least round trips of this ProbeBW cycle and the one before.
    cycles: [Option<Duration>; 2],
    /// The highest that the least of a few was in them.
    peaks: [Duration; 2],
    /// The least round trips of the latest memory and the one before.
    memory: [Option<Duration>; 2],
    memory_began: Option<Instant>,
}

impl Queue {
    pub(super) fn update(&mut self, now: Instant, round_trip: Duration) {
        if now > *self.memory_began.get_or_insert(now) + QUEUE_MEMORY {
            self.memory = [self.memory[1], None];
            self.memory_began = Some(now);
        }
        self.memory[1] = Some(self.memory[1].map_or(round_trip, |least| least.min(round_trip)));
        if self.samples == QUEUE_SAMPLES {
            self.peaks[1] = self.peaks[1].max(self.halves[1].unwrap_or_default());
            self.halves = [self.halves[1], None];
            self.samples = 0;
        }
        self.samples += 1;
        self.halves[1] = Some(self.halves[1].map_or(round_trip, |least| least.min(round_trip)));
        self.cycles[1] = Some(self.cycles[1].map_or(round_trip, |least| least.min(round_trip)));
        let last = self.last.replace(round_trip).unwrap_or(round_trip);
        self.jitter = (self.jitter * 15 + last.abs_diff(round_trip)) / 16;
    }

    /// A ProbeBW cycle has ended.
    pub(super) fn advance(&mut self) {
        self.cycles = [self.cycles[1], None];
        self.peaks = [self.peaks[1], Duration::ZERO];
    }

    /// The least round trip of the latest two cycles, if it is so long that others keep the queue filled: in a cycle
    /// we drain what is ours.
    pub(super) fn kept_by_others(&self, min_rtt: Option<Duration>) -> Option<Duration> {
        let least = least(self.cycles)?;
        (least > min_rtt? * OTHERS_FACTOR).then_some(least)
    }

    pub(super) fn is_standing(&self) -> bool {
        let (Some(known), Some(recent)) = (least(self.memory), least(self.halves)) else { return false };
        recent > known + (known / QUEUE_DIVISOR).clamp(QUEUE_LEAST, QUEUE_MOST) + self.jitter
    }

    /// Whether it is as long as it gets, and that differs from the shortest: who has never seen the path empty
    /// knows by this that a loss is an overflow.
    pub(super) fn is_at_peak(&self) -> bool {
        let (Some(low), Some(recent)) = (least(self.cycles), least(self.halves)) else { return false };
        let spread = self.peaks[0].max(self.peaks[1]).saturating_sub(low);
        let noise = (low / PEAK_DIVISOR).clamp(QUEUE_LEAST, QUEUE_MOST) + self.jitter * 2;
        spread > noise && recent > low + spread * 3 / 4
    }
}

fn least(halves: [Option<Duration>; 2]) -> Option<Duration> {
    halves.into_iter().flatten().min()
}
