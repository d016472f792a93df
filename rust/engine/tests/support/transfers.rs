//! Transfers on many channels of one connection, each byte compared, with whatever happens to the network.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use webrtc_direct_engine::association::ChannelKey;
use webrtc_direct_engine::session::{Event, Reason};

use super::{Chance, End, World};

/// Where nothing is delivered for so long, something hangs. At 20 % loss, 50 s were seen.
const HUNG: Duration = Duration::from_secs(180);
/// A channel starts with the number of its transfer.
const HEADER: usize = 8;

/// What one channel is for.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Which end opens it: 0 the client, 1 the server.
    pub opener: usize,
    /// Bytes of the opener and of the other end.
    pub sizes: [usize; 2],
    /// Who resets it (0 the opener, 1 the other), once it has sent so much.
    pub reset: Option<(usize, usize)>,
}

/// What happens to the network when a share of all bytes has arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Incident {
    /// Nothing passes for so long.
    Blackout(Duration),
    /// The client goes on from another port, as behind a NAT that forgot it.
    Rebind,
}

/// How a connection and its transfers ended.
#[derive(Debug, Default)]
pub struct Outcome {
    pub intact: usize,
    pub reset: usize,
    pub bytes: u64,
    /// Why the connection ended early, at either end.
    pub ended: Option<(Reason, String)>,
    /// Whether that was before it was up at both ends.
    pub in_handshake: bool,
    /// What must not be.
    pub failure: Option<String>,
    pub longest_pause: Duration,
    pub took: Duration,
}

/// Bytes that only *seed* gives.
struct Content {
    chance: Chance,
    word: [u8; 8],
    left: usize,
}

impl Content {
    fn new(seed: u64) -> Self {
        Self { chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), word: [0; 8], left: 0 }
    }

    fn next(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        bytes.extend_from_slice(&self.word[8 - self.left..]);
        while bytes.len() < length {
            self.word = self.chance.number().to_le_bytes();
            bytes.extend_from_slice(&self.word);
        }
        self.left = bytes.len() - length;
        bytes.truncate(length);
        bytes
    }
}

/// One end's view of a channel.
struct Side {
    number: usize,
    content: Content,
    unsent: usize,
    credit: usize,
    expected: Content,
    missing: usize,
    resets_after: Option<usize>,
    sent: usize,
    opener: bool,
}

/// The transfers of one connection, and how far they are.
pub struct Run<'a> {
    world: &'a mut World,
    transfers: &'a [Transfer],
    chance: Chance,
    seed: u64,
    at_once: usize,
    started: usize,
    ends: Vec<End>,
    /// Channels in use at either end; `None` for one whose header has not come.
    sides: [HashMap<ChannelKey, Option<Side>>; 2],
    next_key: [ChannelKey; 2],
    /// Bytes a reader takes every 20 ms; all at once if none.
    pace: Option<u64>,
    consumed: [u64; 2],
    next_meal: Instant,
    incident: Option<(u64, Incident)>,
    dark_until: Option<Instant>,
    last_progress: Instant,
    closed: [Option<(Reason, String)>; 2],
    up: [bool; 2],
    outcome: Outcome,
}

impl<'a> Run<'a> {
    pub fn new(world: &'a mut World, transfers: &'a [Transfer], seed: u64, at_once: usize) -> Self {
        world.journal = Some(Vec::new());
        let now = world.now;
        let client = world.dial(&World::v2(0));
        Self {
            world,
            transfers,
            chance: Chance(seed.wrapping_mul(0xd134_2543_de82_ef95) | 1),
            seed,
            at_once,
            started: 0,
            ends: vec![End::Client(client)],
            sides: [HashMap::new(), HashMap::new()],
            next_key: [2, 2],
            pace: None,
            consumed: [0; 2],
            next_meal: now,
            incident: None,
            dark_until: None,
            last_progress: now,
            closed: [None, None],
            up: [false; 2],
            outcome: Outcome::default(),
        }
    }

    /// Let *incident* happen after so many bytes.
    pub fn incident(mut self, after: u64, incident: Incident) -> Self {
        self.incident = Some((after, incident));
        self
    }

    /// Let the readers take *pace* bytes every 20 ms.
    pub fn pace(mut self, pace: u64) -> Self {
        self.world.consume = false;
        self.pace = Some(pace);
        self
    }

    /// Do all of it and close the connection.
    pub fn finish(mut self) -> Outcome {
        let start = self.world.now;
        let mut closing = false;
        loop {
            for (end, event) in self.world.journal.replace(Vec::new()).unwrap_or_default() {
                self.note(end, event);
            }
            if self.outcome.failure.is_some() {
                break;
            }
            if self.has_ended() {
                self.judge_end(closing);
                break;
            }
            if self.world.now > self.last_progress + HUNG {
                self.fail(format!("nothing happens any more, {}", self.state()));
                break;
            }
            self.act_on_network();
            self.eat();
            if self.up == [true; 2] && self.closed == [None, None] && !closing {
                if self.is_complete() {
                    closing = true;
                    let now = self.world.now;
                    self.last_progress = now;
                    self.world.at(self.ends[0], |session| session.close(now));
                } else {
                    self.act();
                }
            }
            let meal = self.pace.map(|_| self.next_meal);
            let limit = [meal, self.dark_until].into_iter().flatten().min();
            let limit = limit.unwrap_or(self.world.now + HUNG);
            self.world.advance(limit.min(self.last_progress + HUNG + Duration::from_millis(1)));
        }
        self.outcome.took = self.world.now - start;
        self.outcome
    }

    fn fail(&mut self, words: String) {
        self.outcome.failure.get_or_insert(words);
    }

    fn state(&self) -> String {
        let sides: Vec<String> = self
            .sides
            .iter()
            .enumerate()
            .flat_map(|(at, sides)| sides.iter().map(move |(key, side)| (at, key, side)))
            .map(|(at, key, side)| match side {
                Some(side) => format!(
                    "{at}/{key}: transfer {} lacks {} and has {} to send with credit {}",
                    side.number, side.missing, side.unsent, side.credit
                ),
                None => format!("{at}/{key}: no header"),
            })
            .collect();
        format!("up {:?}, closed {:?}, {} started; {}", self.up, self.closed, self.started, sides.join("; "))
    }

    fn has_ended(&self) -> bool {
        let server_gone = self.closed[1].is_some() || self.world.listener.is_empty();
        self.closed[0].is_some() && server_gone
    }

    fn is_complete(&mut self) -> bool {
        let due = self.transfers.iter().filter(|transfer| transfer.reset.is_none()).count();
        self.started == self.transfers.len()
            && self.outcome.intact == due
            && self.sides.iter().all(HashMap::is_empty)
            && (0..2).all(|at| self.world.at(self.ends[at], |session| session.stats().channels) == 1)
    }

    fn judge_end(&mut self, closing: bool) {
        let clean = matches!(&self.closed, [Some((Reason::Local, _)), Some((Reason::Remote, _))])
            || matches!(&self.closed, [Some((Reason::Local, _)), Some((Reason::Timeout, _))]);
        if closing && clean {
            self.outcome.ended = None;
            return;
        }
        self.outcome.in_handshake = self.up != [true; 2];
        if closing {
            self.fail(format!("a graceful close ended with {:?}", self.closed));
        }
    }

    fn act_on_network(&mut self) {
        if self.dark_until.is_some_and(|until| self.world.now >= until) {
            self.dark_until = None;
            self.world.gate = Box::new(|_, _, _| true);
        }
        match self.incident {
            Some((after, incident)) if self.outcome.bytes >= after => {
                self.incident = None;
                match incident {
                    Incident::Blackout(time) => {
                        self.dark_until = Some(self.world.now + time);
                        self.world.gate = Box::new(|_, _, _| false);
                    }
                    Incident::Rebind => {
                        let address = &mut self.world.addresses[0];
                        address.set_port(address.port() + 1000);
                    }
                }
            }
            _ => {}
        }
    }

    fn act(&mut self) {
        while self.started < self.transfers.len() && self.busy() < self.at_once {
            self.start();
        }
        for at in 0..2 {
            let keys: Vec<ChannelKey> = self.sides[at].keys().copied().collect();
            for key in keys {
                self.push(at, key);
            }
        }
    }

    /// Let the readers take their share, when it is time.
    fn eat(&mut self) {
        let Some(pace) = self.pace.filter(|_| self.world.now >= self.next_meal) else { return };
        self.next_meal = self.world.now + Duration::from_millis(20);
        for at in 0..self.ends.len() {
            if self.closed[at].is_some() {
                continue;
            }
            let delivered = self.world.at(self.ends[at], |session| session.delivered());
            self.consumed[at] = delivered.min(self.consumed[at] + pace);
            let consumed = self.consumed[at];
            self.world.at(self.ends[at], |session| session.set_consumed(consumed));
        }
    }

    /// How many transfers are under way, each counted where it was opened.
    fn busy(&self) -> usize {
        self.sides.iter().flat_map(HashMap::values).flatten().filter(|side| side.opener).count()
    }

    fn start(&mut self) {
        let number = self.started;
        self.started += 1;
        let at = self.transfers[number].opener;
        let key = self.next_key[at];
        self.next_key[at] += 2;
        let mut side = self.side(number, true);
        let header = (number as u64).to_le_bytes().to_vec();
        side.credit -= header.len();
        self.sides[at].insert(key, Some(side));
        self.world.at(self.ends[at], |session| {
            session.open_channel(key);
            session.send(key, vec![header]);
        });
    }

    fn side(&self, number: usize, opener: bool) -> Side {
        let transfer = self.transfers[number];
        let place = usize::from(!opener);
        let content = |place: usize| Content::new(self.seed << 20 | (number as u64) << 1 | place as u64);
        Side {
            number,
            content: content(place),
            unsent: transfer.sizes[place],
            credit: self.world.config.unsent_bytes_per_channel,
            expected: content(1 - place),
            missing: transfer.sizes[1 - place],
            resets_after: transfer.reset.filter(|(who, _)| *who == place).map(|(_, after)| after),
            sent: 0,
            opener,
        }
    }

    /// Send what the credit allows; close or reset when it is time.
    fn push(&mut self, at: usize, key: ChannelKey) {
        let end = self.ends[at];
        let Some(Some(side)) = self.sides[at].get_mut(&key) else { return };
        let mut messages = Vec::new();
        while side.unsent > 0 && side.credit > 0 && side.resets_after.is_none_or(|after| side.sent < after) {
            // As real peers do: a length prefix by itself, then what it announces; sometimes crumbs.
            let most = match self.chance.number() % 8 {
                0 => 2,
                1 => 1 + self.chance.number() as usize % 1200,
                _ => 16384,
            };
            let length = most.min(side.unsent).min(side.credit);
            messages.push(side.content.next(length));
            side.unsent -= length;
            side.credit -= length;
            side.sent += length;
        }
        let resets = side.resets_after.is_some_and(|after| side.sent >= after);
        let closes = side.opener && side.unsent == 0 && side.missing == 0;
        if !messages.is_empty() {
            self.world.at(end, |session| session.send(key, messages));
        }
        if resets || closes {
            self.outcome.reset += usize::from(resets);
            self.sides[at].remove(&key);
            self.world.at(end, |session| match resets {
                true => session.reset_channel(key),
                false => session.close_channel(key),
            });
        }
    }

    fn note(&mut self, end: End, event: Event) {
        let at = match end {
            End::Client(_) => 0,
            End::Server(_) => 1,
        };
        match event {
            Event::Connected(_) => {
                self.up[at] = true;
                if at == 1 {
                    self.ends.push(end);
                }
                self.progress();
            }
            Event::Opened(key) => {
                self.sides[at].insert(key, None);
                self.progress();
            }
            Event::Data(key, data) => self.take(at, key, &data),
            Event::Writable(key, bytes) => {
                if let Some(Some(side)) = self.sides[at].get_mut(&key) {
                    side.credit += bytes;
                }
            }
            Event::ChannelClosed(key) => self.lose(at, key),
            Event::Closed(reason, detail) => {
                if reason != Reason::Local {
                    // What the end says that noticed first.
                    self.outcome.ended.get_or_insert_with(|| (reason, detail.clone()));
                }
                self.closed[at] = Some((reason, detail));
                self.progress();
            }
            Event::Answered => {}
        }
    }

    fn progress(&mut self) {
        if self.up == [true; 2] && self.outcome.bytes > 0 {
            let pause = self.world.now - self.last_progress;
            self.outcome.longest_pause = self.outcome.longest_pause.max(pause);
        }
        self.last_progress = self.world.now;
    }

    fn take(&mut self, at: usize, key: ChannelKey, mut data: &[u8]) {
        self.progress();
        let Some(side) = self.sides[at].get(&key) else {
            // This end has reset it meanwhile.
            return;
        };
        if side.is_none() {
            let Some((header, rest)) = data.split_at_checked(HEADER) else {
                return self.fail(format!("a header of {} bytes", data.len()));
            };
            let number = u64::from_le_bytes(header.try_into().unwrap_or_default()) as usize;
            if self.transfers.get(number).is_none_or(|transfer| transfer.opener == at) {
                return self.fail(format!("a header that nobody sent: {header:?}"));
            }
            data = rest;
            let side = self.side(number, false);
            self.sides[at].insert(key, Some(side));
        }
        let Some(Some(side)) = self.sides[at].get_mut(&key) else { return };
        if data.len() > side.missing || side.expected.next(data.len()) != data {
            let words = format!("transfer {} is corrupt, {} bytes before its end", side.number, side.missing);
            return self.fail(words);
        }
        side.missing -= data.len();
        self.outcome.bytes += data.len() as u64;
    }

    fn lose(&mut self, at: usize, key: ChannelKey) {
        self.progress();
        match self.sides[at].remove(&key) {
            None => self.fail(format!("channel {key} ended twice or by itself")),
            Some(Some(side)) => {
                let planned = self.transfers[side.number].reset.is_some();
                if !planned && (side.opener || side.missing > 0) {
                    let words = "ended by itself";
                    self.fail(format!("transfer {} {words}, {} bytes missing", side.number, side.missing));
                } else if !planned {
                    self.outcome.intact += 1;
                }
            }
            // Reset before its header was sent.
            Some(None) => {}
        }
    }
}
