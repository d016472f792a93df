//! BBR, version 3 (draft-ietf-ccwg-bbr-06, whose sections are named here).
//!
//! It differs from the draft where real paths asked for it:
//! - Loss counts only where there is a queue.
//! - The initial window grows with the round trip.
//! - Startup ends at the first sign of a queue.
//! - While it cruises, a queue makes it yield; while no probe has met a loss, it probes more often.
//! - Where others keep a deep queue filled, the window follows the round trip.
//! - A round trip that is nearly the least postpones ProbeRTT.
//! - The window has a floor on paths as short as loopback, where acknowledgements come in batches.

mod filters;
mod loss;
mod states;

use std::time::{Duration, Instant};

use filters::{ExtraAcked, FullBw, MaxBw, MinRtt, Queue, Rounds};
use loss::{Bounds, Latest, Undo};
use states::{Probe, ProbeRtt, State};

use super::{Acknowledged, Controller, Lost};
use crate::rate::{amount, rate};

/// Section 2.8: what is left after a response to loss, as with CUBIC.
const BETA: f64 = 0.7;
/// Section 2.5: it paces a little below the bandwidth, so that queues drain.
const PACING_MARGIN: f64 = 0.99;
/// The initial window in packets: as of Chromium's QUIC, where it has proved itself. The ten of RFC 6928 would cost two
/// more round trips at the start.
const INITIAL_PACKETS: u64 = 32;
/// Where round trips are long, what is sent in the first one is spread over it. So the window grows with it: the bottleneck
/// meets the same rate, and a transfer over a satellite, which mostly waits for its start, is done two round trips earlier.
const INITIAL_PACKETS_PER_SECOND: u64 = 640;
const MAX_INITIAL_PACKETS: u64 = 128;
/// Section 2.8: the least window in packets.
const MIN_PIPE_PACKETS: u64 = 4;
/// Section 5.6.3: the most that leaves at once, however high the rate is.
const SEND_QUANTUM: u64 = 64 * 1024;
/// A path with shorter round trips is this machine or this room.
const SHORT_PATH: Duration = Duration::from_millis(1);
/// The least window there: four GSO trains, so that one is written while others travel, and while
/// an acknowledgement of a whole batch is on its way.
const SHORT_PATH_WINDOW: u64 = 256 * 1024;
/// The highest rate that is paced there. A timer that names a millisecond may take two; above this rate the window
/// would run dry meanwhile. Only loopback is that fast and that short, and acknowledgements pace well enough there.
const SHORT_PATH_RATE: u64 = SHORT_PATH_WINDOW * 500;

/// What may be in flight where others keep the queue filled, as a multiple of what is in flight at our rate: more than
/// the rate's gain in a probe, so that the rate and not the window limits it.
const OTHERS_GAIN: f64 = 1.5;

/// What is known of the path (sections 2.9 to 2.13).
#[derive(Debug)]
struct Model {
    rounds: Rounds,
    max_bw: MaxBw,
    min_rtt: MinRtt,
    extra_acked: ExtraAcked,
    full_bw: FullBw,
    queue: Queue,
    /// Bytes delivered, ever.
    delivered: u64,
    /// The least of max_bw and bw_shortterm.
    bw: u64,
}

/// Keeps a model of the path, and in flight what that needs.
#[derive(Debug)]
pub(super) struct Bbr {
    packet_size: u64,
    now: Instant,
    state: State,
    model: Model,
    bounds: Bounds,
    latest: Latest,
    undo: Option<Undo>,
    probe: Probe,
    probe_rtt: ProbeRtt,
    drain_began: u64,
    /// In Startup: a queue was seen.
    is_careful: bool,
    /// The initial window.
    initial: u64,
    is_restarting: bool,
    is_application_limited: bool,
    in_recovery: bool,
    /// Whether all of the window was used in this round and in the one before.
    cwnd_limited: [bool; 2],
    cwnd: u64,
    prior_cwnd: u64,
    pacing_rate: Option<u64>,
    random: u64,
}

impl Bbr {
    pub(super) fn new(now: Instant, packet_size: u64) -> Self {
        Self {
            packet_size,
            now,
            state: State::Startup,
            model: Model {
                rounds: Rounds::new(now),
                max_bw: MaxBw::default(),
                min_rtt: MinRtt::new(),
                extra_acked: ExtraAcked::new(now),
                full_bw: FullBw::default(),
                queue: Queue::default(),
                delivered: 0,
                bw: 0,
            },
            bounds: Bounds::new(),
            latest: Latest::default(),
            undo: None,
            probe: Probe::new(now),
            probe_rtt: ProbeRtt::default(),
            drain_began: 0,
            is_careful: false,
            initial: INITIAL_PACKETS * packet_size,
            is_restarting: false,
            is_application_limited: false,
            in_recovery: false,
            cwnd_limited: [false; 2],
            cwnd: INITIAL_PACKETS * packet_size,
            prior_cwnd: 0,
            pacing_rate: None,
            random: 0,
        }
    }

    /// Section 5.2.3: the model of the path and the state.
    fn update_model(&mut self, acknowledged: &Acknowledged) {
        let in_flight = acknowledged.in_flight;
        if let Some(mut sample) = acknowledged.sample {
            sample.is_application_limited |= sample.prior_delivered < self.probe_rtt.until_delivered;
            self.model.delivered = sample.total_delivered;
            self.is_application_limited = sample.is_application_limited;
            self.latest.update(&sample);
            self.model.rounds.update(self.now, &sample);
            self.count_round();
            if self.model.rounds.is_start {
                self.cwnd_limited = [false, self.cwnd_limited[0]];
            }
            if sample.rate() >= self.model.max_bw.get() || !sample.is_application_limited {
                self.model.max_bw.update(sample.rate());
            }
            self.update_congestion_signals();
            self.update_aggregation(acknowledged.bytes);
            if self.model.rounds.is_start && !sample.is_application_limited {
                self.model.full_bw.update(sample.rate());
            }
            self.check_startup_done(&sample);
            self.check_drain_done(in_flight);
            self.update_probe_bw(acknowledged, &sample);
        } else {
            self.model.rounds.is_start = false;
        }
        self.model.min_rtt.update(self.now, acknowledged.round_trip);
        self.check_probe_rtt(in_flight);
        if let Some(sample) = acknowledged.sample {
            self.is_restarting &= sample.delivered == 0;
            self.latest.advance(&sample);
        }
        self.model.bw = self.model.max_bw.get().min(self.bounds.bw_shortterm);
    }

    fn update_aggregation(&mut self, bytes: u64) {
        let is_startup = !self.model.full_bw.is_reached;
        self.model.extra_acked.update(
            self.now,
            bytes,
            self.model.bw,
            self.cwnd,
            self.model.rounds.count,
            is_startup,
        );
    }

    /// Section 5.6.2.
    fn set_pacing_rate(&mut self, gain: f64) {
        let Some(min_rtt) = self.model.min_rtt.get() else { return };
        if self.pacing_rate.is_none() {
            let (gain, _) = State::Startup.gains();
            self.initial = self.initial.max(initial_packets(min_rtt) * self.packet_size);
            self.cwnd = self.cwnd.max(self.initial);
            self.pacing_rate = Some((rate(self.initial, min_rtt) as f64 * gain) as u64);
        }
        let rate = (self.model.bw as f64 * gain * PACING_MARGIN) as u64;
        if rate > 0
            && (self.model.full_bw.is_reached
                || self.is_careful
                || self.pacing_rate.is_none_or(|current| rate > current))
        {
            self.pacing_rate = Some(rate);
        }
    }

    /// Section 5.6.4.6.
    fn set_cwnd(&mut self, bytes: u64) {
        let (_, gain) = self.state.gains();
        let most = self.quantized(self.wanted_in_flight(gain) + self.model.extra_acked.get());
        if self.model.full_bw.is_reached {
            self.cwnd = (self.cwnd + bytes).min(most);
        } else if self.cwnd < most || self.model.delivered < self.initial {
            self.cwnd += bytes;
        }
        self.cwnd = self.cwnd.max(self.least_cwnd());
        if self.state == State::ProbeRtt {
            self.cwnd = self.cwnd.min(self.probe_rtt_cwnd());
        }
        self.bound_cwnd();
    }

    /// A multiple of what the path holds.
    ///
    /// Here we leave the draft: where others fill a deep queue, twice the bandwidth times the least round trip is less
    /// than our share of what is in flight, until the filter of the least round trip forgets the empty path.
    fn wanted_in_flight(&self, gain: f64) -> u64 {
        let in_flight = self.bdp_multiple(self.model.bw, gain);
        if !self.model.full_bw.is_reached || self.state == State::ProbeRtt {
            return in_flight;
        }
        match self.model.queue.kept_by_others(self.model.min_rtt.get()) {
            Some(round_trip) => {
                in_flight.max((amount(self.model.bw, round_trip) as f64 * OTHERS_GAIN) as u64)
            }
            None => in_flight,
        }
    }

    /// Section 5.6.4.7.
    fn bound_cwnd(&mut self) {
        let cap = match self.state {
            State::Startup | State::Drain => u64::MAX,
            State::Down | State::Refill | State::Up => self.bounds.inflight_longterm,
            State::Cruise | State::ProbeRtt => self.inflight_with_headroom(),
        };
        let cap = cap.min(self.bounds.inflight_shortterm).max(self.least_cwnd());
        self.cwnd = self.cwnd.min(cap);
    }

    fn bdp(&self) -> u64 {
        self.bdp_multiple(self.model.bw, 1.0)
    }

    fn bdp_multiple(&self, bw: u64, gain: f64) -> u64 {
        match self.model.min_rtt.get() {
            Some(min_rtt) => (amount(bw, min_rtt) as f64 * gain) as u64,
            None => self.initial,
        }
    }

    /// Section 5.6.4.2.
    fn inflight(&self, bw: u64, gain: f64) -> u64 {
        self.quantized(self.bdp_multiple(bw, gain))
    }

    fn quantized(&self, in_flight: u64) -> u64 {
        let quantum = amount(self.pacing_rate.unwrap_or(0), Duration::from_millis(1));
        let quantum = quantum.min(SEND_QUANTUM).max(2 * self.packet_size);
        let probing = if self.state == State::Up { 2 * self.packet_size } else { 0 };
        in_flight.max(quantum).max(self.least_cwnd()) + probing
    }

    fn least_cwnd(&self) -> u64 {
        let least = MIN_PIPE_PACKETS * self.packet_size;
        if self.is_short() { least.max(SHORT_PATH_WINDOW) } else { least }
    }

    fn is_short(&self) -> bool {
        self.model.min_rtt.get().is_some_and(|min_rtt| min_rtt < SHORT_PATH)
    }

    fn probe_rtt_cwnd(&self) -> u64 {
        let (_, gain) = State::ProbeRtt.gains();
        self.bdp_multiple(self.model.bw, gain).max(self.least_cwnd())
    }

    /// Section 5.3.3.8.3.
    fn target_inflight(&self) -> u64 {
        self.bdp().min(self.cwnd)
    }

    fn is_cwnd_limited(&self) -> bool {
        self.cwnd_limited.contains(&true)
    }

    fn save_cwnd(&mut self) {
        let is_reduced = self.in_recovery || self.state == State::ProbeRtt;
        self.prior_cwnd = if is_reduced { self.prior_cwnd.max(self.cwnd) } else { self.cwnd };
    }

    /// Spreads the probes of several connections. The nanoseconds of round trips are random enough for that.
    fn random(&mut self) -> u64 {
        let noise = self.model.min_rtt.get().map_or(0, |min_rtt| u64::from(min_rtt.subsec_nanos()));
        self.random =
            (self.random ^ noise).wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        self.random ^ self.random >> 33
    }
}

fn initial_packets(round_trip: Duration) -> u64 {
    amount(INITIAL_PACKETS_PER_SECOND, round_trip).clamp(INITIAL_PACKETS, MAX_INITIAL_PACKETS)
}

impl Controller for Bbr {
    /// Section 5.4.1.
    fn on_sent(&mut self, now: Instant, bytes: u64, in_flight: u64, _: bool) {
        self.now = now;
        self.cwnd_limited[0] |= in_flight + self.packet_size > self.cwnd;
        if in_flight > bytes || self.in_recovery {
            return;
        }
        self.is_restarting = true;
        self.model.extra_acked.restart(now);
        if self.state.is_probe_bw() {
            self.set_pacing_rate(1.0);
        } else if self.state == State::ProbeRtt {
            self.check_probe_rtt_done();
        }
    }

    fn on_acknowledged(&mut self, acknowledged: &Acknowledged) {
        self.now = acknowledged.now;
        if let Some(round_trip) = acknowledged.round_trip {
            self.model.queue.update(self.now, round_trip);
        }
        self.update_model(acknowledged);
        if self.in_recovery && !acknowledged.in_recovery {
            self.cwnd = self.cwnd.max(self.prior_cwnd);
        }
        self.in_recovery = acknowledged.in_recovery;
        let (gain, _) = self.state.gains();
        self.set_pacing_rate(if self.is_careful { 1.0 } else { gain });
        self.set_cwnd(acknowledged.bytes);
    }

    fn on_lost(&mut self, lost: &Lost) {
        self.now = lost.now;
        if lost.is_new_episode && !self.in_recovery {
            self.save_cwnd();
            self.in_recovery = true;
        }
        self.handle_loss(lost);
    }

    /// Section 5.6.4.4.
    fn on_timeout(&mut self, now: Instant) {
        self.now = now;
        self.save_state();
        self.in_recovery = true;
        self.cwnd = self.packet_size;
    }

    fn on_spurious(&mut self, now: Instant) {
        self.now = now;
        self.undo_loss();
    }

    fn window(&self) -> u64 {
        self.cwnd
    }

    fn pacing_rate(&self) -> Option<u64> {
        self.pacing_rate.filter(|&rate| !self.is_short() || rate <= SHORT_PATH_RATE)
    }
}
