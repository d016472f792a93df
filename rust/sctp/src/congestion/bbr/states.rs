//! BBR's state machine (section 5.3).

use std::time::{Duration, Instant};

use super::Bbr;
use crate::congestion::{Acknowledged, Sample};

/// Section 5.3.3.8.3: the wait between probes for bandwidth is from two to three seconds.
const PROBE_WAIT: Duration = Duration::from_secs(2);
/// Here we leave the draft: while no probe has found a loss, probing disturbs nobody that steers by loss, and
/// probing twice as often lets flows find their share twice as fast.
const PROBE_WAIT_HARMLESS: Duration = Duration::from_secs(1);
/// Section 5.3.3.8.3: and at most so many rounds, as long as Reno needs on a path of 25 Mbit/s and 30 ms.
const PROBE_WAIT_ROUNDS: u64 = 63;
/// Section 5.3.2: rounds after which Drain ends in any case.
const DRAIN_ROUNDS: u64 = 3;
/// Section 2.16.2: how long ProbeRTT keeps the path empty.
const PROBE_RTT_DURATION: Duration = Duration::from_millis(200);

/// Section 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Startup,
    Drain,
    Down,
    Cruise,
    Refill,
    Up,
    ProbeRtt,
}

impl State {
    /// Section 5.6.1: what the rate and the window are multiples of the model by.
    pub(super) fn gains(self) -> (f64, f64) {
        match self {
            Self::Startup => (2.77, 2.0),
            Self::Drain => (0.5, 2.0),
            Self::Down => (0.9, 2.0),
            Self::Cruise | Self::Refill => (1.0, 2.0),
            Self::Up => (1.25, 2.25),
            Self::ProbeRtt => (1.0, 0.5),
        }
    }

    pub(super) fn is_probe_bw(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }
}

/// Section 2.14: what acknowledgements tell, as to probing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AckPhase {
    Init,
    Refilling,
    Starting,
    Feedback,
    Stopping,
}

/// A probe for bandwidth (section 2.14).
#[derive(Debug)]
pub(super) struct Probe {
    phase: AckPhase,
    /// Whether samples are from a probe, and it has not gone too high yet.
    pub(super) is_sample: bool,
    pub(super) was_too_high: bool,
    was_precautionary: bool,
    pub(super) up_acked: u64,
    pub(super) up_acked_per_step: u64,
    pub(super) up_rounds: u32,
    rounds_since: u64,
    cycle_began: Instant,
    wait: Duration,
}

impl Probe {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: AckPhase::Init,
            is_sample: false,
            was_too_high: false,
            was_precautionary: false,
            up_acked: 0,
            up_acked_per_step: u64::MAX,
            up_rounds: 0,
            rounds_since: 0,
            cycle_began: now,
            wait: PROBE_WAIT,
        }
    }
}

/// The round trip's measurement (section 2.16).
#[derive(Debug, Default)]
pub(super) struct ProbeRtt {
    /// When the path has been empty for long enough.
    done: Option<Instant>,
    is_round_done: bool,
    /// Samples of what was sent before so many bytes were delivered say nothing about the bandwidth.
    pub(super) until_delivered: u64,
}

impl Bbr {
    /// Startup's two ways to end (section 5.3.1), and ours.
    pub(super) fn check_startup_done(&mut self, sample: &Sample) {
        if self.state != State::Startup {
            return;
        }
        if self.is_startup_loss_high(sample) {
            self.undo_state(State::Startup);
            self.model.full_bw.is_reached = true;
            self.bounds.inflight_longterm = self.bdp().max(self.latest.inflight);
        }
        self.check_startup_queue();
        if self.model.full_bw.is_reached {
            self.state = State::Drain;
            self.is_careful = false;
            self.drain_began = self.model.rounds.count;
        }
    }

    /// Here we leave the draft, which goes on until the rate has not grown for three rounds or losses are many, and
    /// floods the queue. As HyStart++ (RFC 9406) we look at the round trip: at the first sign of a queue we send no
    /// faster than what is delivered, for a round; if the queue stands, the pipe is full, else it was a mistake.
    fn check_startup_queue(&mut self) {
        let is_queued = self.is_queued();
        if !self.is_careful {
            self.is_careful = is_queued;
            if is_queued {
                self.model.rounds.start(self.now, self.model.delivered);
            }
        } else if self.model.rounds.is_start {
            self.is_careful = false;
            self.model.full_bw.is_reached |= is_queued;
        }
    }

    pub(super) fn check_drain_done(&mut self, in_flight: u64) {
        let is_over = in_flight <= self.inflight(self.model.bw, 1.0)
            || self.model.rounds.count > self.drain_began + DRAIN_ROUNDS;
        if self.state == State::Drain && is_over {
            self.start_down();
        }
    }

    /// Section 5.3.3.9.
    pub(super) fn update_probe_bw(&mut self, acknowledged: &Acknowledged, sample: &Sample) {
        if !self.model.full_bw.is_reached || self.advance_ack_phase(sample) {
            return;
        }
        self.adapt_upper_bound(sample, acknowledged.bytes);
        let in_flight = acknowledged.in_flight;
        let state = self.state;
        match state {
            State::Down | State::Cruise if self.is_time_to_probe() => self.start_refill(),
            State::Down if self.is_time_to_cruise(in_flight) => self.state = State::Cruise,
            State::Refill if self.model.rounds.is_start => {
                self.probe.is_sample = true;
                self.start_up(sample);
            }
            State::Up if self.is_time_to_go_down(in_flight, sample) => {
                self.probe.was_too_high = false;
                self.start_down();
            }
            _ => {}
        }
    }

    /// Whether it has decided the next state.
    fn advance_ack_phase(&mut self, sample: &Sample) -> bool {
        if !self.model.rounds.is_start {
            return false;
        }
        match self.probe.phase {
            AckPhase::Starting => self.probe.phase = AckPhase::Feedback,
            AckPhase::Stopping => {
                self.probe.is_sample = false;
                self.probe.phase = AckPhase::Init;
                if !self.state.is_probe_bw() {
                    return false;
                }
                if !sample.is_application_limited {
                    self.model.max_bw.advance();
                }
                if self.probe.was_precautionary && !self.probe.was_too_high {
                    self.start_refill();
                    return true;
                }
            }
            _ => {}
        }
        false
    }

    fn is_time_to_probe(&self) -> bool {
        let rounds = (self.target_inflight() / self.packet_size).min(PROBE_WAIT_ROUNDS);
        self.now > self.probe.cycle_began + self.probe.wait || self.probe.rounds_since >= rounds
    }

    fn is_time_to_cruise(&self, in_flight: u64) -> bool {
        in_flight <= self.inflight_with_headroom() && in_flight <= self.inflight(self.model.max_bw.get(), 1.0)
    }

    fn is_time_to_go_down(&mut self, in_flight: u64, sample: &Sample) -> bool {
        if self.probe.was_too_high && in_flight >= self.bounds.inflight_longterm {
            self.probe.was_precautionary = true;
            return true;
        }
        if self.is_cwnd_limited() && self.cwnd >= self.bounds.inflight_longterm {
            // The bandwidth is limited by inflight_longterm: it says nothing about the path.
            self.model.full_bw.reset(sample.rate());
            return false;
        }
        self.model.full_bw.is_now
    }

    pub(super) fn start_down(&mut self) {
        self.latest.reset();
        self.model.queue.advance();
        self.probe.up_acked_per_step = u64::MAX;
        self.probe.rounds_since = self.random() & 1;
        let spread = self.random() as f64 / u64::MAX as f64;
        let is_harmless = self.bounds.inflight_longterm == u64::MAX;
        let wait = if is_harmless { PROBE_WAIT_HARMLESS } else { PROBE_WAIT };
        self.probe.wait = wait + wait.mul_f64(spread / 2.0);
        self.probe.cycle_began = self.now;
        self.probe.phase = AckPhase::Stopping;
        self.model.rounds.start(self.now, self.model.delivered);
        self.state = State::Down;
    }

    pub(super) fn start_refill(&mut self) {
        self.bounds.reset_shortterm();
        self.probe.up_rounds = 0;
        self.probe.up_acked = 0;
        self.probe.was_precautionary = false;
        self.probe.phase = AckPhase::Refilling;
        self.model.rounds.start(self.now, self.model.delivered);
        self.state = State::Refill;
    }

    fn start_up(&mut self, sample: &Sample) {
        self.probe.phase = AckPhase::Starting;
        self.model.rounds.start(self.now, self.model.delivered);
        self.model.full_bw.reset(sample.rate());
        self.state = State::Up;
        self.raise_slope();
    }

    pub(super) fn count_round(&mut self) {
        if self.model.rounds.is_start {
            self.probe.rounds_since += 1;
        }
    }

    /// Section 5.3.4.3.
    pub(super) fn check_probe_rtt(&mut self, in_flight: u64) {
        if self.state != State::ProbeRtt && self.model.min_rtt.is_probe_due && !self.is_restarting {
            self.save_cwnd();
            self.state = State::ProbeRtt;
            self.probe_rtt.done = None;
            self.probe.phase = AckPhase::Stopping;
            self.model.rounds.start(self.now, self.model.delivered);
        }
        if self.state == State::ProbeRtt {
            self.handle_probe_rtt(in_flight);
        }
    }

    fn handle_probe_rtt(&mut self, in_flight: u64) {
        self.probe_rtt.until_delivered = self.model.delivered + in_flight;
        if self.probe_rtt.done.is_some() {
            self.probe_rtt.is_round_done |= self.model.rounds.is_start;
            if self.probe_rtt.is_round_done {
                self.check_probe_rtt_done();
            }
        } else if in_flight <= self.probe_rtt_cwnd() {
            self.probe_rtt.done = Some(self.now + PROBE_RTT_DURATION);
            self.probe_rtt.is_round_done = false;
            self.model.rounds.start(self.now, self.model.delivered);
        }
    }

    pub(super) fn check_probe_rtt_done(&mut self) {
        if self.probe_rtt.done.is_none_or(|done| self.now <= done) {
            return;
        }
        self.model.min_rtt.restart(self.now);
        self.cwnd = self.cwnd.max(self.prior_cwnd);
        self.bounds.reset_shortterm();
        if self.model.full_bw.is_reached {
            self.start_down();
            self.state = State::Cruise;
        } else {
            self.state = State::Startup;
        }
    }
}
