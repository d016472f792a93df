//! A path between two ends that exists only here: in each direction a bottleneck with a drop-tail queue,
//! then delay, jitter, loss, duplication and corruption, all on virtual time and by a seed.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::chance::Chance;

/// What IPv4, UDP and a DTLS 1.2 record add to a packet.
pub const OVERHEAD: usize = 20 + 8 + 37;

/// Losses that come together (Gilbert): how often a bad time begins and ends, for each packet, and what
/// is lost in one.
#[derive(Clone, Copy, Debug)]
pub struct Bursts {
    pub begin: f64,
    pub end: f64,
    pub loss: f64,
}

/// What one direction does to packets. Probabilities are from 0 to 1.
#[derive(Clone, Debug)]
pub struct Path {
    /// Bytes a second; none: no bottleneck.
    pub rate: Option<u64>,
    /// Bytes that wait before the bottleneck.
    pub queue: usize,
    pub delay: Duration,
    /// Each packet takes so much longer, at most, and may be overtaken meanwhile.
    pub jitter: Duration,
    pub loss: f64,
    pub bursts: Option<Bursts>,
    pub duplication: f64,
    pub corruption: f64,
    /// From these times on the bottleneck has another rate; in their order.
    pub rates: Vec<(Duration, u64)>,
    /// From when to when nothing passes.
    pub blackout: Option<(Duration, Duration)>,
}

impl Path {
    /// No bottleneck, nothing lost.
    pub const fn fair(delay: Duration) -> Self {
        Self {
            rate: None,
            queue: usize::MAX,
            delay,
            jitter: Duration::ZERO,
            loss: 0.0,
            bursts: None,
            duplication: 0.0,
            corruption: 0.0,
            rates: Vec::new(),
            blackout: None,
        }
    }

    /// A bottleneck of so many Mbit/s, whose queue takes as long to drain as it says.
    pub fn narrow(delay: Duration, megabits: u64, queue: Duration) -> Self {
        let rate = megabits * 1_000_000 / 8;
        Self { rate: Some(rate), queue: (rate as f64 * queue.as_secs_f64()) as usize, ..Self::fair(delay) }
    }
}

/// What became of a direction's packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub sent: u64,
    pub sent_bytes: u64,
    pub delivered: u64,
    pub dropped_by_queue: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub corrupted: u64,
    /// The longest queue, in bytes.
    pub longest_queue: usize,
}

/// One direction.
#[derive(Debug)]
struct Direction {
    path: Path,
    counters: Counters,
    /// Before the bottleneck; the first is on its way through it.
    queue: VecDeque<(usize, Vec<u8>)>,
    queued: usize,
    /// When the first is through.
    through: Option<Instant>,
    is_bad_time: bool,
    /// Beyond the bottleneck, by the time of arrival.
    arriving: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    number: u64,
}

/// Both directions: packets of even ends take the first, to the odd end beside each; those of odd ends the
/// second.
#[derive(Debug)]
pub struct Network {
    directions: [Direction; 2],
    chance: Chance,
    start: Instant,
}

impl Network {
    pub fn new(paths: [Path; 2], seed: u64, start: Instant) -> Self {
        Self { directions: paths.map(Direction::new), chance: Chance::new(seed), start }
    }

    pub fn counters(&self, from: usize) -> Counters {
        self.directions[from].counters
    }

    /// Other paths, whose time begins now; what is under way stays so.
    pub fn change(&mut self, paths: [Path; 2], now: Instant) {
        self.start = now;
        for (direction, path) in self.directions.iter_mut().zip(paths) {
            direction.path = path;
        }
    }

    pub fn send(&mut self, from: usize, packet: Vec<u8>, now: Instant) {
        let elapsed = now - self.start;
        let direction = &mut self.directions[from % 2];
        direction.counters.sent += 1;
        direction.counters.sent_bytes += packet.len() as u64;
        if direction.path.blackout.is_some_and(|(from, to)| elapsed >= from && elapsed < to) {
            direction.counters.lost += 1;
            return;
        }
        if direction.rate(elapsed).is_none() {
            direction.leave((from ^ 1, packet), now, &mut self.chance);
            return;
        }
        let size = packet.len() + OVERHEAD;
        if direction.queued + size > direction.path.queue.max(size) {
            direction.counters.dropped_by_queue += 1;
            return;
        }
        direction.queued += size;
        direction.counters.longest_queue = direction.counters.longest_queue.max(direction.queued);
        direction.queue.push_back((from ^ 1, packet));
        if direction.through.is_none() {
            direction.begin(now, elapsed);
        }
    }

    /// When something happens next.
    pub fn next(&self) -> Option<Instant> {
        self.directions.iter().filter_map(Direction::next).min()
    }

    /// The next packet that arrives by *now*, and which end it is for.
    pub fn arrival(&mut self, now: Instant) -> Option<(usize, Vec<u8>)> {
        for direction in &mut self.directions {
            while direction.through.is_some_and(|at| at <= now) {
                direction.pass(self.start, &mut self.chance);
            }
        }
        let firsts = [0, 1].map(|from| self.directions[from].first());
        let from = match firsts {
            [Some(one), Some(other)] => usize::from(other < one),
            [None, Some(_)] => 1,
            _ => 0,
        };
        if firsts[from].is_none_or(|at| at > now) {
            return None;
        }
        let direction = &mut self.directions[from];
        direction.counters.delivered += 1;
        direction.arriving.pop_first().map(|(_, arrival)| arrival)
    }
}

impl Direction {
    fn new(path: Path) -> Self {
        Self {
            path,
            counters: Counters::default(),
            queue: VecDeque::new(),
            queued: 0,
            through: None,
            is_bad_time: false,
            arriving: BTreeMap::new(),
            number: 0,
        }
    }

    fn first(&self) -> Option<Instant> {
        self.arriving.keys().next().map(|key| key.0)
    }

    fn next(&self) -> Option<Instant> {
        [self.through, self.first()].into_iter().flatten().min()
    }

    fn rate(&self, elapsed: Duration) -> Option<u64> {
        let changed = self.path.rates.iter().rev().find(|change| change.0 <= elapsed);
        changed.map(|change| change.1).or(self.path.rate)
    }

    /// Let the first of the queue go through the bottleneck.
    fn begin(&mut self, now: Instant, elapsed: Duration) {
        let rate = self.rate(elapsed);
        self.through = self.queue.front().map(|(_, packet)| {
            let size = (packet.len() + OVERHEAD) as u64;
            now + rate.map_or(Duration::ZERO, |rate| Duration::from_nanos(size * 1_000_000_000 / rate))
        });
    }

    /// The first of the queue is through.
    fn pass(&mut self, start: Instant, chance: &mut Chance) {
        let (Some(at), Some(arrival)) = (self.through.take(), self.queue.pop_front()) else {
            return;
        };
        self.queued -= arrival.1.len() + OVERHEAD;
        self.begin(at, at - start);
        self.leave(arrival, at, chance);
    }

    fn is_lost(&mut self, chance: &mut Chance) -> bool {
        if let Some(bursts) = self.path.bursts {
            let turns = chance.happens(if self.is_bad_time { bursts.end } else { bursts.begin });
            self.is_bad_time ^= turns;
            if self.is_bad_time && chance.happens(bursts.loss) {
                return true;
            }
        }
        chance.happens(self.path.loss)
    }

    fn leave(&mut self, (to, mut packet): (usize, Vec<u8>), now: Instant, chance: &mut Chance) {
        if self.is_lost(chance) {
            self.counters.lost += 1;
            return;
        }
        if chance.happens(self.path.duplication) {
            self.counters.duplicated += 1;
            self.arrive((to, packet.clone()), now, chance);
        }
        if chance.happens(self.path.corruption) {
            self.counters.corrupted += 1;
            let at = chance.below(packet.len());
            packet[at] ^= 1 << chance.below(8);
        }
        self.arrive((to, packet), now, chance);
    }

    fn arrive(&mut self, arrival: (usize, Vec<u8>), now: Instant, chance: &mut Chance) {
        let at = now + self.path.delay + chance.duration(self.path.jitter);
        self.number += 1;
        self.arriving.insert((at, self.number), arrival);
    }
}
