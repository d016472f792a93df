//! A sender and its receiver.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Demand, Outcome, PACKET};
use crate::congestion::{Acknowledged, Controller, Lost};
use crate::pacer::Pacer;
use crate::rate::{Sampler, Stamp};

#[derive(Debug)]
struct Packet {
    stamp: Stamp,
    /// Which packet of the data it carries.
    data: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    InFlight,
    Lost,
    Acknowledged,
}

#[derive(Debug)]
pub(super) struct Flow {
    controller: Box<dyn Controller>,
    sampler: Sampler,
    pacer: Pacer,
    start: Instant,
    packets: VecDeque<Packet>,
    /// The number of the first of *packets*.
    first: u64,
    /// All before this number are settled.
    unsettled: u64,
    in_flight: u64,
    again: VecDeque<u64>,
    next_data: u64,
    total_data: u64,
    /// Data that is written so far, how much comes with each piece, and when the next does.
    written: u64,
    pieces: Option<(u64, Duration)>,
    next_piece: Instant,
    arrived: Vec<bool>,
    // The receiver.
    pub(super) pending: Vec<u64>,
    expected: u64,
    // RACK: when the newest acknowledged packet was sent, and its round trip.
    newest: Option<(Instant, Duration)>,
    least: Duration,
    smoothed: Duration,
    window_steps: u32,
    recovery_end: u64,
    episode: (u64, u64),
    last_progress: Instant,
    probes: u32,
    pub(super) wake: Option<Instant>,
    pub(super) outcome: Outcome,
}

impl Flow {
    pub(super) fn new(demand: &Demand, start: Instant) -> Self {
        let total_data = demand.bytes.div_ceil(PACKET);
        Self {
            controller: demand.kind.controller(start, PACKET),
            sampler: Sampler::new(start),
            pacer: Pacer::new(start),
            start,
            packets: VecDeque::new(),
            first: 0,
            unsettled: 0,
            in_flight: 0,
            again: VecDeque::new(),
            next_data: 0,
            total_data,
            written: if demand.pieces.is_some() { 0 } else { total_data },
            pieces: demand.pieces,
            next_piece: start,
            arrived: vec![false; total_data as usize],
            pending: Vec::new(),
            expected: 0,
            newest: None,
            least: Duration::MAX,
            smoothed: Duration::from_millis(300),
            window_steps: 1,
            recovery_end: 0,
            episode: (0, 0),
            last_progress: start,
            probes: 0,
            wake: None,
            outcome: Outcome::default(),
        }
    }

    fn has_more(&self) -> bool {
        !self.again.is_empty() || self.next_data < self.written
    }

    fn write(&mut self, now: Instant) {
        let Some((bytes, every)) = self.pieces else { return };
        while now >= self.next_piece && self.written < self.total_data {
            self.written = (self.written + bytes.div_ceil(PACKET)).min(self.total_data);
            self.next_piece += every;
        }
    }

    pub(super) fn may_send(&mut self, now: Instant) -> bool {
        self.write(now);
        if self.in_flight >= self.controller.window() || now < self.start {
            return false;
        }
        if !self.has_more() {
            self.sampler.limit_by_application(self.in_flight);
            return false;
        }
        self.pacer.may_send(now, self.controller.pacing_rate())
    }

    pub(super) fn send(&mut self, now: Instant) -> u64 {
        let data = self.again.pop_front().unwrap_or_else(|| {
            self.next_data += 1;
            self.next_data - 1
        });
        if self.in_flight == 0 {
            self.last_progress = now;
        }
        let stamp = self.sampler.send(now, PACKET, self.in_flight);
        self.in_flight += PACKET;
        self.packets.push_back(Packet { stamp, data, state: State::InFlight });
        self.pacer.sent(PACKET);
        self.controller.on_sent(now, PACKET, self.in_flight, !self.has_more());
        self.first + self.packets.len() as u64 - 1
    }

    /// Whether an acknowledgement is due, of *joined* packets or where one is missing.
    pub(super) fn receive(&mut self, now: Instant, begin: Instant, number: u64, joined: usize) -> bool {
        self.pending.push(number);
        self.deliver(now, begin, number);
        let is_in_order = number == self.expected;
        self.expected = self.expected.max(number + 1);
        let is_last = number + 1 == self.first + self.packets.len() as u64;
        self.pending.len() >= joined || !is_in_order || is_last
    }

    fn deliver(&mut self, now: Instant, begin: Instant, number: u64) {
        // What is settled at the sender has arrived before.
        let Some(packet) = number.checked_sub(self.first).and_then(|at| self.packets.get(at as usize)) else {
            return;
        };
        let has_arrived = &mut self.arrived[packet.data as usize];
        if std::mem::replace(has_arrived, true) {
            return;
        }
        let passed = now.duration_since(begin);
        let second = passed.as_secs() as usize;
        let outcome = &mut self.outcome;
        outcome.bytes += PACKET;
        outcome.seconds.resize(outcome.seconds.len().max(second + 1), 0);
        outcome.seconds[second] += PACKET;
        if outcome.bytes == self.total_data * PACKET {
            outcome.done = Some(passed);
        }
    }

    pub(super) fn acknowledge(&mut self, now: Instant, numbers: &[u64]) {
        let prior_in_flight = self.in_flight;
        let (mut bytes, mut round_trip, mut spurious) = (0, None::<Duration>, false);
        for number in numbers {
            let Some(at) = number.checked_sub(self.first) else { continue };
            let packet = &mut self.packets[at as usize];
            let sent = packet.stamp.sent;
            match std::mem::replace(&mut packet.state, State::Acknowledged) {
                State::InFlight => self.in_flight -= PACKET,
                State::Lost => {
                    self.episode.1 += 1;
                    spurious = true;
                }
                State::Acknowledged => unreachable!("acknowledged twice"),
            }
            self.sampler.acknowledge(now, &packet.stamp, PACKET);
            bytes += PACKET;
            let time = now.duration_since(sent);
            round_trip = Some(round_trip.map_or(time, |least| least.min(time)));
            if self.newest.is_none_or(|(newest, _)| sent >= newest) {
                self.newest = Some((sent, time));
            }
        }
        let Some(time) = round_trip else { return };
        self.least = self.least.min(time);
        self.smoothed = (self.smoothed * 7 + time) / 8;
        self.last_progress = now;
        self.probes = 0;
        if spurious {
            self.window_steps = (self.window_steps + 1).min(16);
        }
        self.detect_losses(now);
        let sample = self.sampler.take_sample(now, Some(self.least));
        let in_recovery = self.first < self.recovery_end;
        let in_flight = self.in_flight;
        self.controller.on_acknowledged(&Acknowledged {
            now,
            bytes,
            prior_in_flight,
            in_flight,
            round_trip,
            sample,
            in_recovery,
        });
        if spurious && self.episode.0 == self.episode.1 {
            self.controller.on_spurious(now);
        }
    }

    /// RFC 8985, section 6.2: so long after a round trip a packet is lost if a later one has arrived.
    fn reordering_window(&self) -> Duration {
        (self.least / 4 * self.window_steps).min(self.smoothed)
    }

    fn detect_losses(&mut self, now: Instant) {
        let Some((newest, round_trip)) = self.newest else { return };
        let patience = round_trip + self.reordering_window();
        let mut lost = Vec::new();
        let skip = self.unsettled.saturating_sub(self.first) as usize;
        for (at, packet) in self.packets.iter_mut().enumerate().skip(skip) {
            if packet.stamp.sent >= newest || packet.stamp.sent + patience > now {
                break;
            }
            self.unsettled = self.first + at as u64 + 1;
            if packet.state == State::InFlight {
                packet.state = State::Lost;
                lost.push(at);
            }
        }
        self.lose(now, &lost);
        // What is lost is kept for a while, to see that it was not.
        while self.packets.front().is_some_and(|packet| {
            packet.state == State::Acknowledged
                || packet.state == State::Lost && packet.stamp.sent + patience * 2 < now
        }) {
            self.packets.pop_front();
            self.first += 1;
        }
    }

    fn lose(&mut self, now: Instant, lost: &[usize]) {
        let Some(&last) = lost.last() else { return };
        for &at in lost {
            self.again.push_back(self.packets[at].data);
        }
        let bytes = lost.len() as u64 * PACKET;
        self.in_flight -= bytes;
        self.sampler.lose(bytes);
        let stamp = self.packets[last].stamp;
        let is_new_episode = self.first + lost[0] as u64 >= self.recovery_end;
        if is_new_episode {
            self.recovery_end = self.first + self.packets.len() as u64;
            self.episode = (0, 0);
        }
        self.episode.0 += lost.len() as u64;
        self.controller.on_lost(&Lost {
            now,
            bytes,
            in_flight_when_sent: stamp.in_flight,
            lost_since_sent: self.sampler.lost() - stamp.lost,
            in_flight: self.in_flight,
            is_new_episode,
        });
    }

    fn timeout(&self) -> Duration {
        self.smoothed * 2 + self.reordering_window() + Duration::from_millis(10)
    }

    pub(super) fn next_timer(&self) -> Option<Instant> {
        let skip = self.unsettled.saturating_sub(self.first) as usize;
        let first = self.packets.iter().skip(skip).find(|packet| packet.state == State::InFlight);
        let reordering = self.newest.zip(first).and_then(|((newest, round_trip), packet)| {
            let sent = packet.stamp.sent;
            (sent < newest).then(|| sent + round_trip + self.reordering_window())
        });
        let tail = (self.in_flight > 0).then(|| self.last_progress + self.timeout());
        let pacing = self.has_more().then(|| self.pacer.next(self.controller.pacing_rate())).flatten();
        let piece = (self.written < self.total_data).then_some(self.next_piece);
        [reordering, tail, pacing, piece].into_iter().flatten().min()
    }

    pub(super) fn on_timer(&mut self, now: Instant) {
        self.detect_losses(now);
        if self.in_flight == 0 || now < self.last_progress + self.timeout() {
            return;
        }
        self.last_progress = now;
        self.probes += 1;
        let lost: Vec<usize> =
            (0..self.packets.len()).filter(|&at| self.packets[at].state == State::InFlight).collect();
        if self.probes > 2 {
            // RFC 9260, section 6.3.3: all of it is lost.
            self.outcome.timeouts += 1;
            lost.iter().for_each(|&at| self.packets[at].state = State::Lost);
            self.lose(now, &lost);
            self.controller.on_timeout(now);
        } else if let Some(&last) = lost.last() {
            // RFC 8985, section 7.3: a probe; here the last packet counts as lost at once.
            self.packets[last].state = State::Lost;
            self.lose(now, &[last]);
        }
    }
}
