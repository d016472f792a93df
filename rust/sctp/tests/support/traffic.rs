//! Messages on several streams both ways, every byte of which is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::peer::{BINARY, Event, Message};
use super::world::{Load, World};

/// A writer keeps so much waiting on each stream.
const AHEAD: usize = 256 << 10;
/// An unordered message begins with its number.
const NUMBER: usize = 4;

/// What one end is to send.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The sizes of each stream's messages, in their order.
    pub streams: BTreeMap<u16, Vec<usize>>,
    /// Streams whose messages may arrive in any order.
    pub unordered: BTreeSet<u16>,
    /// Times in which this end does not read.
    pub pauses: Vec<(Duration, Duration)>,
}

impl Plan {
    /// So many messages of up to *most* bytes, each order of magnitude as likely, over *streams* streams.
    pub fn random(chance: &mut Chance, streams: u16, messages: usize, most: usize) -> Self {
        let mut plan = Self::default();
        for _ in 0..messages {
            let stream = chance.below(usize::from(streams)) as u16;
            let ceiling = 1 << chance.below(most.ilog2() as usize + 1);
            let size = if chance.happens(0.02) { most } else { 1 + chance.below(ceiling) };
            plan.streams.entry(stream).or_default().push(size);
        }
        plan
    }

    /// *bytes* on one stream in messages of *size*.
    pub fn bulk(stream: u16, bytes: usize, size: usize) -> Self {
        let mut plan = Self::default();
        plan.streams.insert(stream, vec![size; bytes / size]);
        plan
    }

    pub fn unordered(mut self, stream: u16) -> Self {
        for size in self.streams.entry(stream).or_default() {
            *size = NUMBER.max(*size);
        }
        self.unordered.insert(stream);
        self
    }

    pub fn bytes(&self) -> usize {
        self.streams.values().flatten().sum()
    }
}

/// What goes one way.
#[derive(Debug)]
struct Direction {
    plan: Plan,
    seed: u64,
    /// How many of each stream's messages are queued.
    written: BTreeMap<u16, usize>,
    /// How many of each stream's messages have been read.
    read: BTreeMap<u16, usize>,
    seen: BTreeSet<(u16, usize)>,
    /// Messages to be read.
    left: usize,
    bytes: usize,
    finished: Option<Instant>,
}

pub struct Traffic {
    /// By sender.
    directions: [Direction; 2],
    failure: Option<String>,
    start: Instant,
}

impl Traffic {
    /// Pauses count from *start*.
    pub fn new(plans: [Plan; 2], start: Instant, seed: u64) -> Self {
        let mut end = 0;
        let directions = plans.map(|plan| {
            end += 1;
            Direction::new(plan, 2 * seed + end)
        });
        Self { directions, failure: None, start }
    }

    /// Bytes that arrived from *end*.
    pub fn bytes(&self, end: usize) -> usize {
        self.directions[end].bytes
    }

    /// When the last byte from *end* was read.
    pub fn finished(&self, end: usize) -> Option<Instant> {
        self.directions[end].finished
    }

    fn write(&mut self, world: &mut World, end: usize) {
        let direction = &mut self.directions[end];
        for (stream, sizes) in &direction.plan.streams {
            let written = direction.written.entry(*stream).or_default();
            while *written < sizes.len() && world.ends[end].queued(*stream) < AHEAD {
                let payload = payload(direction.seed, *stream, *written, sizes[*written]);
                let message = Message { stream: *stream, ppid: BINARY, payload };
                let unordered = direction.plan.unordered.contains(stream);
                if !world.ends[end].send(message, unordered, world.now) {
                    break;
                }
                *written += 1;
            }
        }
    }

    /// Read at *end*; when to come back, if it is pausing.
    fn read(&mut self, world: &mut World, end: usize) -> Option<Instant> {
        let elapsed = world.now - self.start;
        let pauses = &self.directions[end].plan.pauses;
        if let Some((_, to)) = pauses.iter().find(|(from, to)| elapsed >= *from && elapsed < *to) {
            return Some(self.start + *to);
        }
        while let Some(message) = world.ends[end].receive(world.now) {
            if let Err(failure) = self.directions[1 - end].check(&message, world.now) {
                self.failure.get_or_insert(format!("end {end}: {failure}"));
            }
        }
        None
    }
}

impl Load for Traffic {
    fn act(&mut self, world: &mut World) -> Option<Instant> {
        for end in 0..2 {
            for event in world.take_events(end) {
                if event != Event::Up {
                    self.failure.get_or_insert(format!("end {end}: {event:?}"));
                }
            }
        }
        if world.is_up() {
            self.write(world, 0);
            self.write(world, 1);
        }
        let wakes = [self.read(world, 0), self.read(world, 1)];
        wakes.into_iter().flatten().min()
    }

    fn is_done(&self, _world: &World) -> Result<bool, String> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(self.directions.iter().all(|direction| direction.left == 0)),
        }
    }

    fn state(&self) -> String {
        let left = self.directions.each_ref().map(|direction| direction.left);
        format!("{left:?} messages are missing")
    }
}

impl Direction {
    fn new(plan: Plan, seed: u64) -> Self {
        let left = plan.streams.values().map(Vec::len).sum();
        Self {
            plan,
            seed,
            written: BTreeMap::new(),
            read: BTreeMap::new(),
            seen: BTreeSet::new(),
            left,
            bytes: 0,
            finished: None,
        }
    }

    fn check(&mut self, message: &Message, now: Instant) -> Result<(), String> {
        let stream = message.stream;
        let read = self.read.entry(stream).or_default();
        let number = if self.plan.unordered.contains(&stream) && message.payload.len() >= NUMBER {
            u32::from_be_bytes([0, 1, 2, 3].map(|at| message.payload[at])) as usize
        } else {
            *read
        };
        *read += 1;
        let size = self.plan.streams.get(&stream).and_then(|sizes| sizes.get(number));
        let size = *size.ok_or_else(|| format!("stream {stream} has no message {number}"))?;
        if !self.seen.insert((stream, number)) {
            return Err(format!("message {number} of stream {stream} arrived twice"));
        }
        if message.payload != payload(self.seed, stream, number, size) || message.ppid != BINARY {
            return Err(format!("message {number} of stream {stream} is not what was sent"));
        }
        self.bytes += size;
        self.left -= 1;
        if self.left == 0 {
            self.finished = Some(now);
        }
        Ok(())
    }
}

/// Its number, then noise that depends on where it belongs.
fn payload(seed: u64, stream: u16, number: usize, size: usize) -> Vec<u8> {
    let place = seed << 40 ^ u64::from(stream) << 24 ^ number as u64;
    let mut payload = Chance::new(place).bytes(size);
    if size >= NUMBER {
        payload[..NUMBER].copy_from_slice(&(number as u32).to_be_bytes());
    }
    payload
}
