//! One bottleneck on virtual time, and flows through it.
//!
//! A packet passes a queue that drops its tail, at the bottleneck's rate; then a delay with jitter, in which it may
//! be lost or overtaken. The receiver acknowledges every second packet, and at once where one is missing. The sender
//! finds losses by time, as RACK (RFC 8985) does, and probes the tail.

mod paths;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use super::{Acknowledged, Controller, Kind, Lost};
use crate::pacer::Pacer;
use crate::rate::{Sampler, Stamp};

pub(super) const PACKET: u64 = 1200;

/// What lies between the flows' ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// One way.
    pub(super) delay: Duration,
    /// Bytes a second.
    pub(super) rate: u64,
    /// How long the last packet in a full queue waits.
    pub(super) queue: Duration,
    pub(super) loss: f64,
    /// At most so much is added to the delay of each packet, so that it may be overtaken.
    pub(super) jitter: Duration,
    /// Packets that one acknowledgement stands for.
    pub(super) joined: usize,
}

impl Path {
    pub(super) fn new(delay: u64, megabits: u64, queue: u64) -> Self {
        Self {
            delay: Duration::from_millis(delay),
            rate: megabits * 125_000,
            queue: Duration::from_millis(queue),
            loss: 0.0,
            jitter: Duration::ZERO,
            joined: 2,
        }
    }

    pub(super) fn with_loss(self, percent: f64) -> Self {
        Self { loss: percent / 100.0, ..self }
    }

    pub(super) fn with_jitter(self, milliseconds: u64) -> Self {
        Self { jitter: Duration::from_millis(milliseconds), ..self }
    }
}

/// What a flow has to send, from when on, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    pub(super) kind: Kind,
    pub(super) start: Duration,
    pub(super) bytes: u64,
}

/// What became of a flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// When all of it had arrived.
    pub(super) done: Option<Duration>,
    /// Bytes that arrived, each once.
    pub(super) bytes: u64,
    /// Packets that the queue or the path dropped.
    pub(super) dropped: u64,
    pub(super) overflowed: u64,
    pub(super) timeouts: u64,
    /// The wait of each packet in the queue, in microseconds.
    pub(super) waits: Vec<u32>,
}

impl Outcome {
    pub(super) fn wait(&self, share: f64) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort_unstable();
        let index = (waits.len() as f64 * share) as usize;
        Duration::from_micros(waits.get(index).copied().unwrap_or(0).into())
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive { flow: usize, number: u64 },
    Acknowledge { flow: usize, numbers: Vec<u64> },
    Wake { flow: usize },
}

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
struct Flow {
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
    arrived: Vec<bool>,
    // The receiver.
    pending: Vec<u64>,
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
    wake: Option<Instant>,
    outcome: Outcome,
}

/// The whole.
pub(super) struct Simulation {
    path: Path,
    now: Instant,
    begin: Instant,
    busy_until: Instant,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    order: u64,
    random: u64,
    flows: Vec<Flow>,
}

/// Runs flows through a path for a time, or until all have arrived.
pub(super) fn run(path: Path, demands: &[Demand], limit: Duration, seed: u64) -> Vec<Outcome> {
    let mut simulation = Simulation::new(path, demands, seed);
    simulation.run(limit);
    simulation.flows.into_iter().map(|flow| flow.outcome).collect()
}

impl Simulation {
    fn new(path: Path, demands: &[Demand], seed: u64) -> Self {
        let now = Instant::now();
        let mut simulation = Self {
            path,
            now,
            begin: now,
            busy_until: now,
            events: BinaryHeap::new(),
            order: 0,
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            flows: Vec::new(),
        };
        for (flow, demand) in demands.iter().enumerate() {
            simulation.flows.push(Flow::new(demand, now + demand.start));
            simulation.schedule(now + demand.start, Event::Wake { flow });
        }
        simulation
    }

    fn run(&mut self, limit: Duration) {
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            if at > self.begin + limit || self.flows.iter().all(|flow| flow.outcome.done.is_some()) {
                return;
            }
            self.now = at;
            match event {
                Event::Arrive { flow, number } => self.arrive(flow, number),
                Event::Acknowledge { flow, numbers } => {
                    self.flows[flow].acknowledge(at, &numbers);
                    self.send(flow);
                }
                Event::Wake { flow } => {
                    if self.flows[flow].wake == Some(at) {
                        self.flows[flow].wake = None;
                    }
                    self.flows[flow].on_timer(at);
                    self.send(flow);
                }
            }
        }
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at, self.order, event)));
    }

    /// A number from 0 to 1 (xorshift).
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }

    fn delay(&mut self) -> Duration {
        let jitter = self.random();
        self.path.delay + self.path.jitter.mul_f64(jitter)
    }

    /// Sends what window and pacer allow, and asks to be woken.
    fn send(&mut self, index: usize) {
        let now = self.now;
        while self.flows[index].may_send(now) {
            let number = self.flows[index].send(now);
            self.transmit(index, number);
        }
        let flow = &mut self.flows[index];
        if let Some(at) = flow.next_timer() {
            // Timers have milliseconds, as epoll's, and round up.
            let past = at.max(now + Duration::from_nanos(1)).duration_since(self.begin);
            let at = self.begin + Duration::from_millis(past.as_nanos().div_ceil(1_000_000) as u64);
            if flow.wake.is_none_or(|wake| wake > at) {
                flow.wake = Some(at);
                self.schedule(at, Event::Wake { flow: index });
            }
        }
    }

    fn transmit(&mut self, index: usize, number: u64) {
        let wait = self.busy_until.saturating_duration_since(self.now);
        let is_lost = self.random() < self.path.loss;
        let outcome = &mut self.flows[index].outcome;
        if wait > self.path.queue {
            outcome.dropped += 1;
            outcome.overflowed += 1;
            return;
        }
        outcome.waits.push(wait.as_micros() as u32);
        let time = Duration::from_nanos(PACKET * 1_000_000_000 / self.path.rate);
        self.busy_until = self.now.max(self.busy_until) + time;
        if is_lost {
            outcome.dropped += 1;
            return;
        }
        let at = self.busy_until + self.delay();
        self.schedule(at, Event::Arrive { flow: index, number });
    }

    fn arrive(&mut self, index: usize, number: u64) {
        let flow = &mut self.flows[index];
        flow.receive(self.now, self.begin, number);
        let is_in_order = number == flow.expected;
        flow.expected = flow.expected.max(number + 1);
        let is_last = flow.outcome.done.is_some() || number + 1 == flow.first + flow.packets.len() as u64;
        // An acknowledgement is lost as well as a packet; the next one tells the same.
        let is_due = flow.pending.len() >= self.path.joined || !is_in_order || is_last;
        if is_due && self.random() >= self.path.loss {
            let at = self.now + self.delay();
            let numbers = std::mem::take(&mut self.flows[index].pending);
            self.schedule(at, Event::Acknowledge { flow: index, numbers });
        }
    }
}

impl Flow {
    fn new(demand: &Demand, start: Instant) -> Self {
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
        !self.again.is_empty() || self.next_data < self.total_data
    }

    fn may_send(&mut self, now: Instant) -> bool {
        if self.in_flight >= self.controller.window() || now < self.start {
            return false;
        }
        if !self.has_more() {
            self.sampler.limit_by_application(self.in_flight);
            return false;
        }
        self.pacer.may_send(now, self.controller.pacing_rate())
    }

    fn send(&mut self, now: Instant) -> u64 {
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

    fn receive(&mut self, now: Instant, begin: Instant, number: u64) {
        self.pending.push(number);
        // What is settled at the sender has arrived before.
        let Some(packet) = number.checked_sub(self.first).and_then(|at| self.packets.get(at as usize)) else {
            return;
        };
        let has_arrived = &mut self.arrived[packet.data as usize];
        if !*has_arrived {
            *has_arrived = true;
            self.outcome.bytes += PACKET;
            if self.outcome.bytes == self.total_data * PACKET {
                self.outcome.done = Some(now.duration_since(begin));
            }
        }
    }

    fn acknowledge(&mut self, now: Instant, numbers: &[u64]) {
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

    fn next_timer(&self) -> Option<Instant> {
        let skip = self.unsettled.saturating_sub(self.first) as usize;
        let first = self.packets.iter().skip(skip).find(|packet| packet.state == State::InFlight);
        let reordering = self.newest.zip(first).and_then(|((newest, round_trip), packet)| {
            let sent = packet.stamp.sent;
            (sent < newest).then(|| sent + round_trip + self.reordering_window())
        });
        let tail = (self.in_flight > 0).then(|| self.last_progress + self.timeout());
        let pacing = self.has_more().then(|| self.pacer.next(self.controller.pacing_rate())).flatten();
        [reordering, tail, pacing].into_iter().flatten().min()
    }

    fn on_timer(&mut self, now: Instant) {
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
