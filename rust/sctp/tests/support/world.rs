//! Two ends, or more pairs of them, the network between them, and a clock that is only counted.

use std::env;
use std::time::{Duration, Instant};

use super::network::{Network, Path};
use super::peer::{End, Event, Kind, Settings};
use super::wire;

/// So often an end may ask to be called at one and the same time.
const MOST_AT_ONCE: usize = 10_000;

/// Says of a packet of an end whether it passes.
pub type Gate = Box<dyn FnMut(usize, &[u8]) -> bool>;

/// What writes and reads.
pub trait Load {
    /// Write and read what can be now; when to be called again even if nothing happens.
    fn act(&mut self, world: &mut World) -> Option<Instant>;
    /// Whether all is done, or what went wrong.
    fn is_done(&self, world: &World) -> Result<bool, String>;
    /// How far it is, for the words of a failure.
    fn state(&self) -> String {
        String::new()
    }
}

pub struct World {
    pub now: Instant,
    pub start: Instant,
    /// Two for each pair.
    pub ends: Vec<Box<dyn End>>,
    pub network: Network,
    /// What each end has said and nobody has taken.
    pub events: Vec<Vec<Event>>,
    /// What this says no to is lost.
    pub gate: Gate,
    is_traced: bool,
    at_once: usize,
}

impl World {
    pub fn new(kinds: [Kind; 2], paths: [Path; 2], seed: u64) -> Self {
        let settings = [Settings::new(2 * seed), Settings::new(2 * seed + 1)];
        Self::with(kinds, settings, paths, seed)
    }

    pub fn with(kinds: [Kind; 2], settings: [Settings; 2], paths: [Path; 2], seed: u64) -> Self {
        let start = Instant::now();
        let mut world = Self {
            now: start,
            start,
            ends: Vec::new(),
            network: Network::new(paths, seed, start),
            events: Vec::new(),
            gate: Box::new(|_, _| true),
            is_traced: env::var("TRACE").is_ok(),
            at_once: 0,
        };
        world.add(kinds, settings);
        world
    }

    /// Another pair, which shares the network.
    pub fn add(&mut self, kinds: [Kind; 2], settings: [Settings; 2]) {
        for (kind, settings) in kinds.into_iter().zip(settings) {
            self.ends.push(kind.make(settings, self.now));
            self.events.push(Vec::new());
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub fn connect(&mut self, end: usize) {
        self.ends[end].connect(self.now);
    }

    pub fn is_up(&self) -> bool {
        self.ends.iter().all(|end| end.is_up())
    }

    /// Connect from the first of each pair, and wait until all are up.
    pub fn establish(&mut self) {
        for end in (0..self.ends.len()).step_by(2) {
            self.connect(end);
        }
        self.until(Duration::from_secs(120), |world| world.is_up());
        assert!(self.is_up(), "not up after {:?}: {:?}", self.elapsed(), self.events);
    }

    /// Other paths from now on: *paths* count their time from here.
    pub fn change(&mut self, paths: [Path; 2]) {
        self.network.change(paths, self.now);
    }

    /// Let time pass until *is_done*, or for *limit*, or until nothing more will happen.
    pub fn until(&mut self, limit: Duration, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.flush();
            if is_done(self) {
                return true;
            }
            // What was done just now may have something to send.
            self.flush();
            if !self.step(Some(end)) || self.now >= end {
                self.flush();
                return is_done(self);
            }
        }
    }

    /// Let time pass.
    pub fn pass(&mut self, time: Duration) {
        self.until(time, |_| false);
    }

    /// Run *load* until it is done, for no longer than *limit*.
    pub fn run(&mut self, load: &mut dyn Load, limit: Duration) -> Result<(), String> {
        let end = self.now + limit;
        loop {
            self.flush();
            let wake = load.act(self);
            self.flush();
            if load.is_done(self)? {
                return Ok(());
            }
            let wake = wake.map_or(end, |at| at.min(end));
            if !self.step(Some(wake)) || self.now >= end {
                return Err(format!("stuck at {:?}: {}", self.elapsed(), load.state()));
            }
        }
    }

    /// Events of an end, which are then forgotten.
    pub fn take_events(&mut self, end: usize) -> Vec<Event> {
        std::mem::take(&mut self.events[end])
    }

    /// Send all that the ends have to send.
    pub fn flush(&mut self) {
        for end in 0..self.ends.len() {
            while let Some(packet) = self.ends[end].next_packet(self.now) {
                let passes = (self.gate)(end, &packet);
                self.trace(end, if passes { "sends" } else { "sends in vain" }, &packet);
                if passes {
                    self.network.send(end, packet, self.now);
                }
            }
            while let Some(event) = self.ends[end].next_event() {
                if self.is_traced {
                    eprintln!("{:?} end {end}: {event:?}", self.elapsed());
                }
                self.events[end].push(event);
            }
        }
    }

    /// Go to where something happens next, by *wake* at the latest. False: nothing will.
    fn step(&mut self, wake: Option<Instant>) -> bool {
        let timeouts = self.ends.iter().filter_map(|end| end.timeout());
        let Some(next) = timeouts.chain(self.network.next()).chain(wake).min() else {
            return false;
        };
        self.at_once = if next > self.now { 0 } else { self.at_once + 1 };
        assert!(self.at_once < MOST_AT_ONCE, "the clock stands still at {:?}", self.elapsed());
        self.now = self.now.max(next);
        while let Some((end, packet)) = self.network.arrival(self.now) {
            self.trace(end, "gets", &packet);
            self.ends[end].handle_packet(&packet, self.now);
            if self.ends[end].forgets_unread() {
                break;
            }
        }
        for end in 0..self.ends.len() {
            if self.ends[end].timeout().is_some_and(|at| at <= self.now) {
                self.ends[end].handle_timeout(self.now);
            }
        }
        true
    }

    fn trace(&self, end: usize, verb: &str, packet: &[u8]) {
        // One that was changed on its way need not be well-formed.
        if self.is_traced && is_whole(packet) {
            eprintln!("{:?} end {end} {verb} {}", self.elapsed(), wire::describe(packet));
        }
    }
}

fn is_whole(packet: &[u8]) -> bool {
    let mut copy = packet.to_vec();
    wire::seal(&mut copy);
    copy[8..12] == packet[8..12] || packet[8..12] == [0; 4]
}
