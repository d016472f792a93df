//! One bottleneck on virtual time, and flows through it.
//!
//! A packet passes a queue that drops its tail, at the bottleneck's rate; then a delay with jitter, in which it may
//! be lost or overtaken. The receiver acknowledges every second packet, and at once where one is missing. The sender
//! finds losses by time, as RACK (RFC 8985) does, and probes the tail.

mod flow;
mod paths;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use flow::Flow;

use super::Kind;

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
    /// So long at the end of each tenth of a second the ends do nothing: others have the processor.
    pub(super) stall: Duration,
    /// From when on the rate is another.
    pub(super) change: Option<(Duration, u64)>,
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
            stall: Duration::ZERO,
            change: None,
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
    /// It is written in pieces of so many bytes, one every so often.
    pub(super) pieces: Option<(u64, Duration)>,
}

/// What became of a flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// When all of it had arrived.
    pub(super) done: Option<Duration>,
    /// Bytes that arrived, each once.
    pub(super) bytes: u64,
    /// The same in each second.
    pub(super) seconds: Vec<u64>,
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
            let at = simulation.awake(now + demand.start);
            simulation.flows[flow].wake = Some(at);
            simulation.schedule(at, Event::Wake { flow });
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
                // What is not due any more has been replaced by an earlier one.
                Event::Wake { flow } if self.flows[flow].wake == Some(at) => {
                    self.flows[flow].wake = None;
                    self.flows[flow].on_timer(at);
                    self.send(flow);
                }
                Event::Wake { .. } => {}
            }
        }
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        let at = self.awake(at);
        self.order += 1;
        self.events.push(Reverse((at, self.order, event)));
    }

    /// When the ends heed what happens at a time.
    fn awake(&self, at: Instant) -> Instant {
        let tenth = Duration::from_nanos((at.duration_since(self.begin).as_nanos() % 100_000_000) as u64);
        let rest = Duration::from_millis(100) - tenth;
        if rest < self.path.stall { at + rest } else { at }
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
        if let Some(at) = self.flows[index].next_timer() {
            // Timers have milliseconds, as epoll's, and round up.
            let past = at.max(now + Duration::from_nanos(1)).duration_since(self.begin);
            let at = self.begin + Duration::from_millis(past.as_nanos().div_ceil(1_000_000) as u64);
            let at = self.awake(at);
            if self.flows[index].wake.is_none_or(|wake| wake > at) {
                self.flows[index].wake = Some(at);
                self.schedule(at, Event::Wake { flow: index });
            }
        }
    }

    fn transmit(&mut self, index: usize, number: u64) {
        let wait = self.busy_until.saturating_duration_since(self.now);
        let is_lost = self.random() < self.path.loss;
        let rate = self.rate();
        let outcome = &mut self.flows[index].outcome;
        if wait > self.path.queue {
            outcome.dropped += 1;
            outcome.overflowed += 1;
            return;
        }
        outcome.waits.push(wait.as_micros() as u32);
        let time = Duration::from_nanos(PACKET * 1_000_000_000 / rate);
        self.busy_until = self.now.max(self.busy_until) + time;
        if is_lost {
            outcome.dropped += 1;
            return;
        }
        let at = self.busy_until + self.delay();
        self.schedule(at, Event::Arrive { flow: index, number });
    }

    fn rate(&self) -> u64 {
        match self.path.change {
            Some((at, rate)) if self.now >= self.begin + at => rate,
            _ => self.path.rate,
        }
    }

    fn arrive(&mut self, index: usize, number: u64) {
        let is_due = self.flows[index].receive(self.now, self.begin, number, self.path.joined);
        // An acknowledgement is lost as well as a packet; the next one tells the same.
        if is_due && self.random() >= self.path.loss {
            let at = self.now + self.delay();
            let numbers = std::mem::take(&mut self.flows[index].pending);
            self.schedule(at, Event::Acknowledge { flow: index, numbers });
        }
    }
}
