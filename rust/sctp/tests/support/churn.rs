//! Streams that are used, reset both ways, and used again under the same id (RFC 6525, RFC 8831 section 6.7).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::peer::{BINARY, Event, Message};
use super::world::{Load, World};

/// A message begins with its generation and its number.
const HEADER: usize = 8;
const AHEAD: usize = 64 << 10;
/// A refused reset is asked for again so long after.
const RETRY: Duration = Duration::from_millis(200);
/// sctp-proto answers a reset by one of its own, also where it has asked for one itself before: its ids are
/// used again only when the last of these must have come.
const QUIET: Duration = Duration::from_secs(20);

/// When an end resets a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// When all has arrived, both ways.
    Settled,
    /// When nothing waits to be sent; it may still be under way or lost.
    Drained,
    /// In the middle, at the end that is drawn; the other one follows.
    Abrupt,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub streams: u16,
    pub generations: u32,
    pub most_messages: usize,
    pub most: usize,
    pub manner: Manner,
    /// Messages that a reader takes at once; the others wait for 100 ms or until something else happens.
    pub at_once: usize,
    /// Whether one end is sctp-proto.
    pub is_lenient: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Writing,
    /// Asked for; again at that time.
    Resetting(Option<Instant>),
    /// Done here.
    Reset(Instant),
}

/// One end of a stream.
#[derive(Debug)]
struct Half {
    /// How many generations have begun before this one.
    generation: u32,
    sizes: Vec<usize>,
    written: usize,
    phase: Phase,
    /// Resets of the peer's.
    incoming: u32,
    /// What was read: the generation and how many messages of it.
    read: (u32, usize),
}

/// An end: its streams, and the resets that come after messages that are yet to be read.
#[derive(Debug, Default)]
struct Side {
    halves: BTreeMap<u16, Half>,
    /// How many messages it has written, by stream and generation.
    written: BTreeMap<(u16, u32), usize>,
    resets: VecDeque<(u64, Vec<u16>)>,
    taken: u64,
}

impl Side {
    fn each(&mut self, streams: &[u16], change: impl Fn(&mut Half)) {
        for stream in streams {
            if let Some(half) = self.halves.get_mut(stream) {
                change(half);
            }
        }
    }
}

pub struct Churn {
    plan: Plan,
    sides: [Side; 2],
    chance: Chance,
    seed: u64,
    failure: Option<String>,
}

impl Churn {
    pub fn new(plan: Plan, seed: u64) -> Self {
        let mut churn = Self {
            plan,
            sides: [Side::default(), Side::default()],
            chance: Chance::new(seed),
            seed,
            failure: None,
        };
        for stream in 0..churn.plan.streams {
            churn.begin(stream, 0, 0);
            churn.begin(stream, 1, 0);
        }
        churn
    }

    fn begin(&mut self, stream: u16, end: usize, generation: u32) {
        let count = 1 + self.chance.below(self.plan.most_messages);
        let sizes = (0..count).map(|_| HEADER + self.chance.below(self.plan.most)).collect();
        let before = self.sides[end].halves.get(&stream);
        let (incoming, read) = before.map_or((0, (0, 0)), |half| (half.incoming, half.read));
        let half = Half { generation, sizes, written: 0, phase: Phase::Writing, incoming, read };
        self.sides[end].halves.insert(stream, half);
    }

    fn fail(&mut self, failure: String) {
        self.failure.get_or_insert(failure);
    }

    fn take_events(&mut self, world: &mut World, end: usize) {
        for event in world.take_events(end) {
            match event {
                Event::Up => {}
                Event::Reset { streams, after } => self.sides[end].resets.push_back((after, streams)),
                Event::ResetDone(streams) => self.sides[end].each(&streams, |half| {
                    if matches!(half.phase, Phase::Resetting(_)) {
                        half.phase = Phase::Reset(world.now);
                    }
                }),
                Event::ResetRefused(streams) => self.sides[end]
                    .each(&streams, |half| half.phase = Phase::Resetting(Some(world.now + RETRY))),
                Event::Ended(words) => self.fail(format!("end {end} ended: {words}")),
            }
        }
    }

    fn read(&mut self, world: &mut World, end: usize) {
        for _ in 0..self.plan.at_once {
            self.apply_resets(world, end);
            let Some(message) = world.ends[end].receive(world.now) else {
                break;
            };
            self.sides[end].taken += 1;
            if let Err(failure) = self.check(&message, end) {
                self.fail(format!("end {end} at {:?}: {failure}", world.elapsed()));
            }
        }
        // Reading may have brought a reset that waited for it.
        world.flush();
        self.take_events(world, end);
        self.apply_resets(world, end);
    }

    fn apply_resets(&mut self, world: &World, end: usize) {
        while self.sides[end].resets.front().is_some_and(|(after, _)| *after <= self.sides[end].taken) {
            let (_, streams) = self.sides[end].resets.pop_front().unwrap_or_default();
            for stream in streams {
                self.count_reset(world, end, stream);
            }
        }
    }

    fn count_reset(&mut self, world: &World, end: usize, stream: u16) {
        let [here, there] = [end, 1 - end].map(|end| &self.sides[end]);
        let Some(half) = here.halves.get(&stream) else {
            return self.fail(format!("end {end}: a reset of stream {stream}, which has none"));
        };
        let generation = half.incoming;
        let due = (generation, there.written.get(&(stream, generation)).copied().unwrap_or(0));
        let Some(half) = self.sides[end].halves.get_mut(&stream) else {
            return;
        };
        half.incoming += 1;
        let is_whole = half.read == due;
        let may_be_cut = self.plan.manner == Manner::Abrupt || self.plan.is_lenient;
        if !may_be_cut && !is_whole {
            let read = half.read;
            self.fail(format!(
                "end {end} at {:?}: stream {stream} was reset after {read:?}, not {due:?}",
                world.elapsed()
            ));
        }
    }

    fn check(&mut self, message: &Message, end: usize) -> Result<(), String> {
        let stream = message.stream;
        let half = self.sides[end].halves.get_mut(&stream).ok_or("a stream nobody uses")?;
        if message.payload.len() < HEADER {
            return Err(format!("a message of {} bytes", message.payload.len()));
        }
        let field =
            |at: usize| u32::from_be_bytes([at, at + 1, at + 2, at + 3].map(|index| message.payload[index]));
        let (generation, number) = (field(0), field(4) as usize);
        let expected = if generation == half.read.0 { half.read.1 } else { 0 };
        let follows = if self.plan.is_lenient {
            generation >= half.read.0 && generation <= half.incoming
        } else {
            generation == half.incoming
        };
        if !follows || number != expected {
            return Err(format!(
                "message {number} of generation {generation} of stream {stream}, after {:?} and {} resets",
                half.read, half.incoming
            ));
        }
        half.read = (generation, number + 1);
        let whole = payload(self.seed, 1 - end, stream, (generation, number), message.payload.len());
        if message.payload != whole {
            return Err(format!("message {number} of stream {stream} is not what was sent"));
        }
        Ok(())
    }

    fn write(&mut self, world: &mut World, end: usize) {
        let Side { halves, written, .. } = &mut self.sides[end];
        for (stream, half) in halves {
            while half.phase == Phase::Writing
                && half.written < half.sizes.len()
                && world.ends[end].queued(*stream) < AHEAD
            {
                let place = (half.generation, half.written);
                let payload = payload(self.seed, end, *stream, place, half.sizes[half.written]);
                let message = Message { stream: *stream, ppid: BINARY, payload };
                if !world.ends[end].send(message, false, world.now) {
                    break;
                }
                half.written += 1;
                written.insert((*stream, half.generation), half.written);
            }
        }
    }

    /// Whether an end may reset a stream now.
    fn is_due(&mut self, world: &mut World, end: usize, stream: u16) -> bool {
        let [here, there] = [end, 1 - end].map(|end| &self.sides[end].halves[&stream]);
        match here.phase {
            Phase::Writing => {}
            Phase::Resetting(Some(at)) => return at <= world.now,
            _ => return false,
        }
        let has_written = here.written == here.sizes.len();
        let is_followed = here.incoming > here.generation;
        match self.plan.manner {
            Manner::Settled => {
                let arrived = [(here, there), (there, here)].into_iter().all(|(from, to)| {
                    from.written == from.sizes.len() && to.read == (from.generation, from.written)
                });
                is_followed || (arrived && here.generation == there.generation)
            }
            // sctp-proto takes what the other end has written for nothing, once it is reset.
            Manner::Drained => has_written && world.ends[end].queued(stream) == 0,
            Manner::Abrupt => {
                is_followed || (has_written && end == usize::from(stream + here.generation as u16) % 2)
            }
        }
    }

    fn reset(&mut self, world: &mut World, end: usize) {
        let streams: Vec<u16> = (0..self.plan.streams).filter(|id| self.is_due(world, end, *id)).collect();
        if streams.is_empty() || !world.ends[end].reset(&streams, world.now) {
            return;
        }
        self.sides[end].each(&streams, |half| half.phase = Phase::Resetting(None));
    }

    /// Begin again with streams that both ends have reset.
    fn renew(&mut self, world: &World, end: usize) {
        for stream in 0..self.plan.streams {
            let is_over = |half: &Half, quiet: Duration| {
                matches!(half.phase, Phase::Reset(at) if at + quiet <= world.now)
                    && half.incoming > half.generation
            };
            let [here, there] = [end, 1 - end].map(|end| &self.sides[end].halves[&stream]);
            let next = here.generation + 1;
            let may_begin = if self.plan.is_lenient {
                is_over(here, QUIET) && (there.generation == next || is_over(there, QUIET))
            } else {
                is_over(here, Duration::ZERO)
            };
            if may_begin && next < self.plan.generations {
                self.begin(stream, end, next);
            }
        }
    }

    fn is_finished(&self, half: &Half) -> bool {
        half.generation + 1 == self.plan.generations
            && matches!(half.phase, Phase::Reset(_))
            && half.incoming > half.generation
    }
}

impl Load for Churn {
    fn act(&mut self, world: &mut World) -> Option<Instant> {
        for end in 0..2 {
            self.take_events(world, end);
            self.read(world, end);
        }
        for end in 0..2 {
            self.renew(world, end);
            self.write(world, end);
            self.reset(world, end);
        }
        Some(world.now + RETRY / 2)
    }

    fn is_done(&self, _world: &World) -> Result<bool, String> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => {
                Ok(self.sides.iter().flat_map(|side| side.halves.values()).all(|half| self.is_finished(half)))
            }
        }
    }

    fn state(&self) -> String {
        let mut left = String::new();
        for (end, side) in self.sides.iter().enumerate() {
            for (stream, half) in side.halves.iter().filter(|(_, half)| !self.is_finished(half)).take(4) {
                left += &format!("end {end}, stream {stream}: {half:?}\n");
            }
        }
        left
    }
}

fn payload(seed: u64, end: usize, stream: u16, place: (u32, usize), size: usize) -> Vec<u8> {
    let place_word = u64::from(place.0) << 32 | place.1 as u64;
    let noise =
        Chance::new(seed << 20 ^ (u64::from(stream) << 4 | end as u64) ^ place_word << 24).bytes(size);
    let mut payload = noise;
    payload[..4].copy_from_slice(&place.0.to_be_bytes());
    payload[4..HEADER].copy_from_slice(&(place.1 as u32).to_be_bytes());
    payload
}
