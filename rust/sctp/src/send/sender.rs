//! The sending half of an association: chunks leave as the windows and the pacer allow, and until they have arrived.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::detection::Detection;
use super::outstanding::{Outstanding, State, size_of};
use super::queue::Queue;
use super::round_trip::RoundTrip;
use crate::config::Config;
use crate::congestion::Controller;
use crate::pacer::Pacer;
use crate::packet::COMMON_HEADER;
use crate::packet::chunk::DATA_HEADER;
use crate::rate::Sampler;

mod acknowledged;
mod outgoing;

/// RFC 8985 section 7.2: what is added to two round trips for a peer that acknowledges at once, as it is asked to.
const PROBE_SLACK: Duration = Duration::from_millis(5);

/// The peer breaks a rule, in words.
pub(crate) type Violation = &'static str;

/// Losses since everything was last settled, and how many of them were none.
#[derive(Debug, Default)]
struct Episode {
    /// It ends when all below this TSN has arrived.
    end: Option<u64>,
    lost: u64,
    mistaken: u64,
}

/// Counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) data_packets: u64,
    pub(crate) retransmitted_packets: u64,
    pub(crate) spurious: u64,
    pub(crate) timeouts: u64,
}

/// The sending half.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) queue: Queue,
    pub(crate) round_trip: RoundTrip,
    pub(crate) counts: Counts,
    outstanding: Outstanding,
    detection: Detection,
    sampler: Sampler,
    pacer: Pacer,
    controller: Box<dyn Controller>,
    episode: Episode,
    packet_size: usize,
    /// What the peer has offered last.
    peer_window: usize,
    /// Transmissions, ever.
    transmissions: u64,
    resent: VecDeque<u64>,
    /// When the retransmission timer expires, and how often it has since something arrived.
    timer: Option<Instant>,
    expiries: u32,
    /// When the tail of what is out is probed (RFC 8985 section 7).
    probe_at: Option<Instant>,
    /// A probe is to leave now, whatever the windows say.
    probes: bool,
    /// The probe that is out: its TSN, and whether it was sent before.
    probe: Option<(u64, bool)>,
    probe_slack: Duration,
}

impl Sender {
    pub(crate) fn new(config: &Config, first_tsn: u64, now: Instant) -> Self {
        Self {
            queue: Queue::default(),
            round_trip: RoundTrip::new(config.initial_timeout, config.min_timeout, config.max_timeout),
            counts: Counts::default(),
            outstanding: Outstanding::new(first_tsn),
            detection: Detection::new(first_tsn),
            sampler: Sampler::new(now),
            pacer: Pacer::new(now),
            controller: config.controller.controller(now, config.packet_size as u64),
            episode: Episode::default(),
            packet_size: config.first_packet_size.min(config.packet_size),
            peer_window: 0,
            transmissions: 0,
            resent: VecDeque::new(),
            timer: None,
            expiries: 0,
            probe_at: None,
            probes: false,
            probe: None,
            probe_slack: PROBE_SLACK,
        }
    }

    pub(crate) fn set_peer_window(&mut self, window: u32) {
        self.peer_window = window as usize;
    }

    /// Largest packet that is known to arrive.
    pub(crate) fn packet_size(&self) -> usize {
        self.packet_size
    }

    pub(crate) fn set_packet_size(&mut self, size: usize) {
        self.packet_size = size;
    }

    pub(crate) fn peer_window(&self) -> usize {
        self.peer_window
    }

    /// The TSN of the next new chunk.
    pub(crate) fn next_tsn(&self) -> u64 {
        self.outstanding.next()
    }

    /// The oldest chunk that has not arrived: its TSN, the size of a packet with nothing else, and how often it was sent.
    pub(crate) fn oldest(&self) -> Option<(u64, usize, u32)> {
        let tsn = self.outstanding.first();
        let chunk = self.outstanding.get(tsn)?;
        Some((tsn, chunk.size() as usize + COMMON_HEADER, chunk.transmissions))
    }

    /// Whether nothing waits and everything has arrived.
    pub(crate) fn is_drained(&self) -> bool {
        self.outstanding.is_empty() && self.queue.is_idle()
    }

    /// Whether all that has left has arrived.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.outstanding.is_empty()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.outstanding.in_flight()
    }

    pub(crate) fn window(&self) -> u64 {
        self.controller.window()
    }

    pub(crate) fn pacing_rate(&self) -> Option<u64> {
        self.controller.pacing_rate()
    }

    /// When `handle_timeout` wants to be called.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let paced = if self.may_send_more() { self.pacer.next(self.controller.pacing_rate()) } else { None };
        [self.timer, self.probe_at, self.detection.deadline(), paced].into_iter().flatten().min()
    }

    /// Let time pass.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.detection.deadline().is_some_and(|at| at <= now) {
            self.detect(now);
        }
        if self.timer.is_some_and(|at| at <= now) {
            self.expire(now);
        } else if self.probe_at.is_some_and(|at| at <= now) {
            self.probe_at = None;
            self.probes = true;
        }
    }

    /// Send the first of what is outstanding again: the path is another one now.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if self.timer.is_some() {
            self.expiries = 0;
            self.expire(now);
            self.expiries = 0;
        }
    }

    /// The retransmission timer has expired (RFC 9260 section 6.3.3): take all that is out for lost.
    fn expire(&mut self, now: Instant) {
        self.counts.timeouts += 1;
        self.expiries += 1;
        if self
            .outstanding
            .get(self.outstanding.first())
            .is_some_and(|chunk| chunk.state == State::Acknowledged)
        {
            self.outstanding.renege();
        }
        let all = self.outstanding.first()..self.outstanding.next();
        let mut bytes = 0;
        for tsn in all {
            if let Some((size, _)) = self.outstanding.lose(tsn) {
                bytes += size;
                self.episode.lost += 1;
            }
        }
        // The timer of a zero window probe says nothing about the path (section 6.1 rule A).
        if self.peer_window > 0 && bytes > 0 {
            self.sampler.lose(bytes);
            self.controller.on_timeout(now);
        }
        self.episode.end = Some(self.outstanding.next());
        self.detection.restart(self.outstanding.next());
        self.probe = None;
        self.probe_at = None;
        self.timer = Some(now + self.round_trip.timeout_after(self.expiries));
    }

    /// RFC 8985 section 7.2: when to probe, if nothing is heard until then.
    fn plan_probe(&mut self, now: Instant) {
        self.probe_at = None;
        let is_calm = self.episode.end.is_none() && self.probe.is_none() && self.expiries == 0;
        if let (Some(smoothed), true) = (self.round_trip.smoothed(), is_calm)
            && self.outstanding.in_flight() > 0
            && self.peer_window > 0
        {
            self.probe_at = Some(now + smoothed * 2 + self.probe_slack);
        }
    }

    /// Whether anything waits that a window does not hold back.
    fn may_send_more(&self) -> bool {
        if let Some(tsn) = self.outstanding.first_lost() {
            return self.outstanding.get(tsn).is_some_and(|chunk| self.fits_in_flight(chunk.size(), 0));
        }
        let full = self.full_payload();
        self.queue.next_size(full, full).is_some_and(|size| self.fits(size, 0))
    }

    /// Payload of a chunk that has a packet for itself.
    fn full_payload(&self) -> usize {
        (self.packet_size - COMMON_HEADER - DATA_HEADER) / 4 * 4
    }

    /// Whether a chunk fits into the congestion window beside what this packet holds; one always does.
    fn fits_in_flight(&self, size: u64, in_packet: u64) -> bool {
        let in_flight = self.outstanding.in_flight();
        in_flight + size <= self.controller.window() || in_flight == in_packet
    }

    /// Whether new payload fits into both windows. One chunk goes into a closed one, and asks whether it
    /// is open again (RFC 9260 section 6.1 rule A).
    fn fits(&self, payload: usize, in_packet: u64) -> bool {
        let unacknowledged = self.outstanding.unacknowledged();
        (unacknowledged + payload <= self.peer_window || unacknowledged == 0)
            && self.fits_in_flight(size_of(payload), in_packet)
    }

    /// Whether a packet with data may leave now.
    pub(crate) fn may_send(&mut self, now: Instant) -> bool {
        if self.probes && !self.outstanding.is_empty() {
            return true;
        }
        self.may_send_more() && self.pacer.may_send(now, self.controller.pacing_rate())
    }
}
