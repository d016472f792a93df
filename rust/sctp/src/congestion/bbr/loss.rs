//! How BBR responds to loss: the short-term and the long-term model (sections 5.5.10 and 5.5.11).

use super::states::State;
use super::{BETA, Bbr};
use crate::congestion::{Lost, Sample};

/// Section 2.8: the loss rate that a probe for bandwidth tolerates.
const LOSS_THRESH: f64 = 0.02;
/// A loss rate that counts without a queue too: more than any path worth using has by chance (a path of 20 % exceeds
/// it in no round of many packets), and what a policer, a receive buffer that is overrun, or a queue does that
/// was full before we came.
const LOSS_MOST: f64 = 0.4;
/// What is left of the rate after a round with a queue while cruising: enough less that the queue of a round trip
/// drains between two probes, and so little that CUBIC does not push us out (both by simulation).
const YIELD: f64 = 0.95;
/// Section 2.8: the part of inflight_longterm that is left to others.
const HEADROOM: f64 = 0.15;

/// Bounds that losses set; u64::MAX where there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bw_shortterm: u64,
    pub(super) inflight_shortterm: u64,
    pub(super) inflight_longterm: u64,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Self { bw_shortterm: u64::MAX, inflight_shortterm: u64::MAX, inflight_longterm: u64::MAX }
    }

    pub(super) fn reset_shortterm(&mut self) {
        self.bw_shortterm = u64::MAX;
        self.inflight_shortterm = u64::MAX;
    }
}

/// What the latest round has delivered, and whether it has lost.
#[derive(Debug, Default)]
pub(super) struct Latest {
    bw: u64,
    pub(super) inflight: u64,
    round_delivered: u64,
    is_round_start: bool,
    pub(super) is_loss_in_round: bool,
    /// Pieces of the data that were lost in this round.
    events: u32,
}

impl Latest {
    pub(super) fn update(&mut self, sample: &Sample) {
        self.bw = self.bw.max(sample.rate());
        self.inflight = self.inflight.max(sample.delivered);
        self.is_round_start = sample.prior_delivered >= self.round_delivered;
        if self.is_round_start {
            self.round_delivered = sample.total_delivered;
        }
    }

    pub(super) fn advance(&mut self, sample: &Sample) {
        if self.is_round_start {
            self.bw = sample.rate();
            self.inflight = sample.delivered;
            self.events = 0;
        }
    }

    pub(super) fn reset(&mut self) {
        self.is_loss_in_round = false;
        self.bw = 0;
        self.inflight = 0;
    }
}

/// What was before a loss, in case it was none.
#[derive(Debug)]
pub(super) struct Undo {
    /// The state that the loss has ended.
    pub(super) state: Option<State>,
    bounds: Bounds,
}

impl Bbr {
    /// Whether so many bytes lost of those in flight mean that it was too much.
    ///
    /// Here we leave the draft: below a loss rate that no usable path has by chance, loss counts only with a queue.
    /// Paths lose packets at random (radio, bad cables); the draft's 2 % would throttle us there by orders of
    /// magnitude. A queue that overflows is seen in the round trips around the loss.
    fn is_inflight_too_high(&self, lost: u64, in_flight: u64) -> bool {
        let rate = lost as f64 / in_flight.max(1) as f64;
        let threshold = if self.is_overflowing() { LOSS_THRESH } else { LOSS_MOST };
        rate > threshold
    }

    pub(super) fn is_queued(&self) -> bool {
        self.model.queue.is_standing()
    }

    fn is_overflowing(&self) -> bool {
        self.is_queued() || self.model.queue.is_at_peak()
    }

    pub(super) fn handle_loss(&mut self, lost: &Lost) {
        let is_high = self.is_inflight_too_high(lost.lost_since_sent, lost.in_flight_when_sent);
        if !self.is_overflowing() && !is_high {
            return;
        }
        if !self.latest.is_loss_in_round {
            self.latest.round_delivered = self.model.delivered;
            self.save_state();
        }
        self.latest.is_loss_in_round = true;
        self.latest.events += 1;
        if self.probe.is_sample && is_high {
            self.handle_inflight_too_high(inflight_at_loss(lost));
        }
    }

    fn handle_inflight_too_high(&mut self, in_flight: u64) {
        self.probe.was_too_high = true;
        self.probe.is_sample = false;
        if !self.is_application_limited {
            let least = self.target_inflight() as f64 * BETA;
            self.bounds.inflight_longterm = in_flight.max(least as u64);
        }
        if self.state == State::Up {
            self.undo_state(State::Up);
            self.start_down();
        }
    }

    /// Section 5.3.1.3: at the end of a round that has lost.
    pub(super) fn is_startup_loss_high(&self, sample: &Sample) -> bool {
        /// Section 5.3.1.3: fewer pieces lost may be chance.
        const FULL_LOSS_COUNT: u32 = 6;
        self.latest.is_round_start
            && self.latest.events >= FULL_LOSS_COUNT
            && self.is_inflight_too_high(sample.lost, sample.in_flight_when_sent)
    }

    /// Section 5.5.10.3: once a round, follow what was delivered.
    pub(super) fn update_congestion_signals(&mut self) {
        if !self.latest.is_round_start {
            return;
        }
        let is_probing = matches!(self.state, State::Startup | State::Refill | State::Up);
        if self.latest.is_loss_in_round && !is_probing {
            let bounds = &mut self.bounds;
            if bounds.bw_shortterm == u64::MAX {
                bounds.bw_shortterm = self.model.max_bw.get();
            }
            if bounds.inflight_shortterm == u64::MAX {
                bounds.inflight_shortterm = self.cwnd;
            }
            let reduced = |bound: u64| (bound as f64 * BETA) as u64;
            bounds.bw_shortterm = self.latest.bw.max(reduced(bounds.bw_shortterm));
            bounds.inflight_shortterm = self.latest.inflight.max(reduced(bounds.inflight_shortterm));
        }
        if self.state == State::Cruise && self.is_queued() {
            self.yield_to_others();
        }
        self.latest.is_loss_in_round = false;
    }

    /// Here we leave the draft: Down has drained our part of the queue, so one that is there while we cruise means that
    /// all flows together believe in more than the path has. A little less each round, as long as less is delivered,
    /// lets the queue drain, and flows that came late find their share sooner.
    fn yield_to_others(&mut self) {
        let bound = self.bounds.bw_shortterm.min(self.model.max_bw.get());
        self.bounds.bw_shortterm = self.latest.bw.max((bound as f64 * YIELD) as u64);
    }

    /// Section 5.3.3.9: raises inflight_longterm while that is safe.
    pub(super) fn adapt_upper_bound(&mut self, sample: &Sample, bytes: u64) {
        if self.bounds.inflight_longterm == u64::MAX
            || self.is_inflight_too_high(sample.lost, sample.in_flight_when_sent)
        {
            return;
        }
        self.bounds.inflight_longterm = self.bounds.inflight_longterm.max(sample.in_flight_when_sent);
        if self.state == State::Up {
            self.probe_inflight_upward(bytes);
        }
    }

    fn probe_inflight_upward(&mut self, bytes: u64) {
        if !self.is_cwnd_limited() || self.cwnd < self.bounds.inflight_longterm {
            return;
        }
        self.probe.up_acked += bytes;
        let steps = self.probe.up_acked / self.probe.up_acked_per_step;
        self.probe.up_acked -= steps * self.probe.up_acked_per_step;
        self.bounds.inflight_longterm += steps * self.packet_size;
        if self.model.rounds.is_start {
            self.raise_slope();
        }
    }

    /// Section 5.3.3.9: doubled each round that a probe lasts.
    pub(super) fn raise_slope(&mut self) {
        let growth = 1 << self.probe.up_rounds;
        self.probe.up_rounds = (self.probe.up_rounds + 1).min(30);
        self.probe.up_acked_per_step = (self.cwnd / growth).max(self.packet_size);
    }

    pub(super) fn inflight_with_headroom(&self) -> u64 {
        let bound = self.bounds.inflight_longterm;
        if bound == u64::MAX {
            return bound;
        }
        let headroom = self.packet_size.max((bound as f64 * HEADROOM) as u64);
        bound.saturating_sub(headroom).max(self.least_cwnd())
    }

    pub(super) fn save_state(&mut self) {
        self.undo = Some(Undo { state: None, bounds: self.bounds });
        self.save_cwnd();
    }

    pub(super) fn undo_state(&mut self, state: State) {
        if let Some(undo) = &mut self.undo {
            undo.state = Some(state);
        }
    }

    /// Section 5.5.11.2: the loss was none.
    pub(super) fn undo_loss(&mut self) {
        self.latest.is_loss_in_round = false;
        let Some(undo) = self.undo.take() else { return };
        self.cwnd = self.cwnd.max(self.prior_cwnd);
        self.model.full_bw.reset(0);
        let (bounds, before) = (&mut self.bounds, undo.bounds);
        bounds.bw_shortterm = bounds.bw_shortterm.max(before.bw_shortterm);
        bounds.inflight_shortterm = bounds.inflight_shortterm.max(before.inflight_shortterm);
        bounds.inflight_longterm = bounds.inflight_longterm.max(before.inflight_longterm);
        let is_elsewhere = undo.state.is_some_and(|state| state != self.state);
        match undo.state {
            Some(State::Startup) if is_elsewhere => {
                self.model.full_bw.is_reached = false;
                if self.state != State::ProbeRtt {
                    self.state = State::Startup;
                }
            }
            Some(_) if is_elsewhere && self.state != State::ProbeRtt => self.start_refill(),
            _ => {}
        }
    }
}

/// Section 5.5.10.2: what was in flight when the loss rate crossed the threshold.
fn inflight_at_loss(lost: &Lost) -> u64 {
    let before = lost.in_flight_when_sent.saturating_sub(lost.bytes) as f64;
    let lost_before = lost.lost_since_sent.saturating_sub(lost.bytes) as f64;
    let prefix = (LOSS_THRESH * before - lost_before) / (1.0 - LOSS_THRESH);
    (before + prefix).max(0.0) as u64
}
