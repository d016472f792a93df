//! Bulk one way or both, and pings beside it: how fast, not what.

use std::time::{Duration, Instant};

use super::peer::{BINARY, Message};
use super::world::{Load, World};

const AHEAD: usize = 1 << 20;
const CHUNK: usize = 16 << 10;
const BULK: u16 = 1;
const PING: u16 = 2;
const PERIOD: Duration = Duration::from_millis(50);

/// What one pair of ends carries.
pub struct Flow {
    /// The first end of the pair.
    first: usize,
    pub start: Instant,
    /// Bytes that are yet to be written, by sender.
    left: [u64; 2],
    wanted: [u64; 2],
    pub received: [u64; 2],
    pub finished: [Option<Instant>; 2],
    next_ping: Option<Instant>,
    pings: Vec<Instant>,
    pub round_trips: Vec<Duration>,
}

impl Flow {
    /// So many bytes from each end of the pair whose first end is *first*.
    pub fn new(first: usize, bytes: [u64; 2], now: Instant) -> Self {
        Self {
            first,
            start: now,
            left: bytes,
            wanted: bytes,
            received: [0; 2],
            finished: [None; 2],
            next_ping: None,
            pings: Vec::new(),
            round_trips: Vec::new(),
        }
    }

    /// With a small message each 50 ms, which the other end sends back.
    pub fn with_pings(mut self) -> Self {
        self.next_ping = Some(self.start);
        self
    }

    /// Megabytes a second from an end of the pair.
    pub fn rate(&self, end: usize, now: Instant) -> f64 {
        let took = self.finished[end].unwrap_or(now) - self.start;
        self.received[end] as f64 / 1e6 / took.as_secs_f64().max(1e-9)
    }

    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.round_trips.clone();
        sorted.sort_unstable();
        sorted
            .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }

    fn write(&mut self, world: &mut World, end: usize) {
        let at = self.first + end;
        while self.left[end] > 0 && world.ends[at].queued(BULK) < AHEAD {
            let size = CHUNK.min(self.left[end] as usize);
            let message = Message { stream: BULK, ppid: BINARY, payload: vec![0; size] };
            if !world.ends[at].send(message, false, world.now) {
                break;
            }
            self.left[end] -= size as u64;
        }
    }

    fn ping(&mut self, world: &mut World) -> Option<Instant> {
        let due = self.next_ping?;
        if due > world.now {
            return Some(due);
        }
        let number = (self.pings.len() as u32).to_be_bytes();
        let message = Message { stream: PING, ppid: BINARY, payload: number.to_vec() };
        if world.ends[self.first].send(message, false, world.now) {
            self.pings.push(world.now);
        }
        self.next_ping = Some(due + PERIOD);
        self.next_ping
    }

    fn read(&mut self, world: &mut World, end: usize) {
        let at = self.first + end;
        while let Some(message) = world.ends[at].receive(world.now) {
            if message.stream == BULK {
                let from = 1 - end;
                self.received[from] += message.payload.len() as u64;
                if self.received[from] == self.wanted[from] {
                    self.finished[from] = Some(world.now);
                }
            } else if end == 1 {
                world.ends[at].send(message, false, world.now);
            } else {
                let number = u32::from_be_bytes([0, 1, 2, 3].map(|index| message.payload[index]));
                self.round_trips.push(world.now - self.pings[number as usize]);
            }
        }
    }
}

impl Load for Flow {
    fn act(&mut self, world: &mut World) -> Option<Instant> {
        for end in 0..2 {
            self.read(world, end);
            self.write(world, end);
        }
        self.ping(world)
    }

    fn is_done(&self, _world: &World) -> Result<bool, String> {
        Ok(self.received == self.wanted)
    }

    fn state(&self) -> String {
        format!("{:?} of {:?} bytes arrived", self.received, self.wanted)
    }
}

/// Several at once.
impl Load for Vec<Flow> {
    fn act(&mut self, world: &mut World) -> Option<Instant> {
        self.iter_mut().filter_map(|flow| flow.act(world)).min()
    }

    fn is_done(&self, world: &World) -> Result<bool, String> {
        let mut all = true;
        for flow in self {
            all &= flow.is_done(world)?;
        }
        Ok(all)
    }
}
