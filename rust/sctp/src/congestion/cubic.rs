//! CUBIC (RFC 9438), with HyStart++ (RFC 9406) as its slow start.

use std::time::{Duration, Instant};

use super::hystart::{Growth, HyStart};
use super::{Acknowledged, Controller, Lost};
use crate::rate::rate;

/// RFC 9438, section 5: how fast the cubic function grows, in packets and seconds.
const C: f64 = 0.4;
/// RFC 9438, section 4.6: what is left of the window after a loss.
const BETA: f64 = 0.7;
/// RFC 9438, section 4.3: how fast Reno's window grows that loses by the same factor.
const ALPHA: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);
/// RFC 9438, section 4.4: the window grows at most by a half in a round trip.
const GROWTH: f64 = 1.5;
/// RFC 6928: the initial window in packets.
const INITIAL_PACKETS: f64 = 10.0;
/// RFC 9002, section 7.2: the least window in packets.
const MINIMUM_PACKETS: f64 = 2.0;

/// What a loss changes, and a spurious one restores. Windows are in packets.
#[derive(Clone, Debug)]
struct State {
    window: f64,
    threshold: f64,
    /// The window at the last loss, towards which the cubic function turns flat.
    plateau: f64,
    epoch: Option<Epoch>,
    start: HyStart,
}

/// Congestion avoidance since the last loss.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    begin: Instant,
    /// Seconds until the function reaches the plateau.
    k: f64,
    /// What Reno's window would be.
    reno: f64,
}

/// Grows as a cubic function of the time since the last loss.
#[derive(Debug)]
pub(super) struct Cubic {
    packet_size: u64,
    state: State,
    before: Option<State>,
    smoothed: Option<Duration>,
    /// Since when the application sends less than it may.
    limited_since: Option<Instant>,
}

impl Cubic {
    pub(super) fn new(packet_size: u64) -> Self {
        let state = State {
            window: INITIAL_PACKETS,
            threshold: f64::INFINITY,
            plateau: 0.0,
            epoch: None,
            start: HyStart::new(),
        };
        Self { packet_size, state, before: None, smoothed: None, limited_since: None }
    }

    fn grow_slowly(&mut self, acknowledged: &Acknowledged) {
        match self.state.start.on_acknowledged(acknowledged) {
            Growth::By(bytes) => self.state.window += bytes as f64 / self.packet_size as f64,
            Growth::Ends => self.state.threshold = self.state.window,
        }
    }

    /// RFC 9438, sections 4.2 to 4.5.
    fn grow_cubically(&mut self, now: Instant, acknowledged: f64) {
        let State { window, plateau, .. } = self.state;
        // After slow start or a timeout there is no plateau: it begins here (section 4.10).
        let plateau = plateau.max(window);
        let epoch = self.state.epoch.get_or_insert_with(|| Epoch {
            begin: now,
            k: ((plateau - window) / C).cbrt(),
            reno: window,
        });
        self.state.plateau = plateau;
        let cubic = |time: f64| C * (time - epoch.k).powi(3) + plateau;
        let time = now.saturating_duration_since(epoch.begin).as_secs_f64();
        // Section 4.3: once it is back where it was, Reno grows by a packet each round trip.
        let alpha = if epoch.reno < plateau { ALPHA } else { 1.0 };
        epoch.reno += alpha * acknowledged / window;
        if cubic(time) < epoch.reno {
            self.state.window = window.max(epoch.reno);
            return;
        }
        let ahead = self.smoothed.unwrap_or_default().as_secs_f64();
        let target = cubic(time + ahead).clamp(window, window * GROWTH);
        self.state.window += (target - window) / window * acknowledged;
    }

    /// RFC 9438, sections 4.6 and 4.7.
    fn shrink(&mut self) {
        self.before = Some(self.state.clone());
        let State { window, plateau, .. } = self.state;
        // Fast convergence: a window that has not come back makes room for others.
        self.state.plateau = if window < plateau { window * (1.0 + BETA) / 2.0 } else { window };
        self.state.threshold = (window * BETA).max(MINIMUM_PACKETS);
        self.state.epoch = None;
        self.state.start = HyStart::new();
    }

    /// RFC 9438, section 5.8: the time that the application has wasted does not count.
    fn shift_epoch(&mut self, now: Instant) {
        if let Some(since) = self.limited_since.take()
            && let Some(epoch) = &mut self.state.epoch
        {
            epoch.begin += now.saturating_duration_since(since);
        }
    }
}

impl Controller for Cubic {
    fn on_sent(&mut self, now: Instant, _: u64, in_flight: u64, is_limited_by_application: bool) {
        if !is_limited_by_application || in_flight >= self.window() {
            self.shift_epoch(now);
        } else if self.limited_since.is_none() {
            self.limited_since = Some(now);
        }
    }

    fn on_acknowledged(&mut self, acknowledged: &Acknowledged) {
        if let Some(round_trip) = acknowledged.round_trip {
            let smoothed = self.smoothed.unwrap_or(round_trip);
            self.smoothed = Some((smoothed * 7 + round_trip) / 8);
        }
        if acknowledged.in_recovery || self.limited_since.is_some() {
            return;
        }
        if self.state.window < self.state.threshold {
            self.grow_slowly(acknowledged);
        } else {
            self.grow_cubically(acknowledged.now, acknowledged.bytes as f64 / self.packet_size as f64);
        }
    }

    fn on_lost(&mut self, lost: &Lost) {
        if lost.is_new_episode {
            self.shrink();
            self.state.window = self.state.threshold;
        }
    }

    fn on_timeout(&mut self, _: Instant) {
        self.shrink();
        // RFC 9438, section 4.8: congestion avoidance begins flat.
        self.state.plateau = 0.0;
        self.state.window = MINIMUM_PACKETS;
    }

    fn on_spurious(&mut self, _: Instant) {
        if let Some(before) = self.before.take()
            && before.window > self.state.window
        {
            self.state = before;
        }
    }

    fn window(&self) -> u64 {
        (self.state.window * self.packet_size as f64) as u64
    }

    fn pacing_rate(&self) -> Option<u64> {
        // RFC 9002, section 7.7; twice in slow start, as the window doubles.
        let gain = if self.state.window < self.state.threshold { 2.0 } else { 1.25 };
        Some(rate((self.state.window * gain * self.packet_size as f64) as u64, self.smoothed?))
    }
}
