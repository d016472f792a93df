//! Many connections on one UDP port, and who gets one.
//!
//! The key of an authentic Binding request stands in the request itself, so it proves nothing about its
//! sender. A request is therefore answered without keeping a connection for it, and with a
//! check of our own whose transaction id is an HMAC of the sender's address: its answer proves, without
//! memory, that somebody at that address speaks ICE. A connection is made for
//! a ClientHello from an address that has sent an authentic request, and, under pressure, only once the
//! address has proved itself. Until then three times of what came from there goes back (RFC 9000 8.1).
//!
//! What a flood can make the listener do is bounded as well: where more comes than the machine can take, strangers'
//! requests are dropped before anything is computed for them (`gate.rs`), and where there are too many handshakes one
//! gives way (`handshakes.rs`).
//!
//! The check has two more uses. A peer that nominates late, as pion does, nominates at once when it is
//! asked on the pair. And who proves its address, but never says hello, has a connection of the past: it was
//! made by a process that listened here before, and that answers checks like this one. Its checks get a
//! 403, as those of a connection that has ended (`Addresses::judge`).

mod answering;
mod connections;
mod room;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use self::room::Idle;
use crate::addresses::Addresses;
use crate::config::Config;
use crate::dtls;
use crate::failure::{Failed, Failure, Failures};
use crate::gate::Gate;
use crate::handshakes::Handshakes;
use crate::networks::{Networks, Rank};
use crate::outbox::Outbox;
use crate::quota::Quota;
pub use crate::quota::Refusal;
use crate::random::Random;
use crate::route::Route;
use crate::session::{Event, Session};
use crate::stun;
use crate::table::Table;
use crate::ufrag::Credentials;

/// Names a connection of this listener; never used twice.
pub type SessionId = u64;

/// What was dropped or refused, and why. Each counts datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Neither STUN nor DTLS, or not well-formed.
    pub malformed: u64,
    /// A request whose USERNAME is not of WebRTC-Direct, version 1 or 2.
    pub bad_username: u64,
    /// STUN with a wrong or no MESSAGE-INTEGRITY, or an answer that nobody asked for.
    pub unauthentic: u64,
    /// DTLS from an address that no connection and no request has named.
    pub unknown_source: u64,
    /// Binding requests beyond a rate, and STUN messages of a run beyond a few.
    pub throttled: u64,
    /// A ClientHello beyond a limit.
    pub refused: u64,
    /// Not datagrams, but handshakes and connections without streams that gave way to newer ones.
    pub displaced: u64,
    /// Datagrams that were kept from addresses that are not validated.
    pub withheld: u64,
    /// Checks of closed connections that were answered with a 403.
    pub tombstones: u64,
    /// Checks of connections of the past that were.
    pub past: u64,
    /// Handshakes that failed, in the order of `Failure::ALL`.
    pub failed: [u64; Failure::ALL.len()],
}

#[derive(Debug)]
struct Tombstone {
    until: Instant,
    answers_left: u32,
}

#[derive(Debug)]
struct Entry {
    /// Apart, so that the table of them stays small: it grows by doubling.
    session: Box<Session>,
    credentials: Arc<Credentials>,
    addresses: Vec<SocketAddr>,
    scheduled: Option<Instant>,
    touched: bool,
    unvalidated: bool,
    withheld: u64,
    /// It was handed over.
    announced: bool,
    idle: Idle,
    /// It has ended, and stays only to say its goodbye again.
    buried: bool,
    /// Where it came from first, which is what the quota counts.
    origin: IpAddr,
}

/// The connections of one UDP port.
#[derive(Debug)]
pub struct Listener {
    config: Arc<Config>,
    identity: dtls::Identity,
    addresses: Addresses,
    /// Of how many datagrams the run is that is taken.
    train: usize,
    /// For the numbers that SCTP begins with.
    seeds: Random,
    sessions: HashMap<SessionId, Entry>,
    next_id: SessionId,
    by_credentials: HashMap<Arc<Credentials>, SessionId>,
    by_address: HashMap<SocketAddr, SessionId>,
    tombstones: Table<Arc<Credentials>, Tombstone>,
    handshakes: Handshakes,
    networks: Networks,
    unvalidated: usize,
    gate: Gate,
    quota: Quota,
    /// When room was last looked for in vain.
    no_room: Option<Instant>,
    refusals: BTreeMap<Refusal, u64>,
    failures: Failures,
    timers: BTreeSet<(Instant, SessionId)>,
    touched: Vec<SessionId>,
    out: Outbox,
    events: VecDeque<(SessionId, Event)>,
    counters: Counters,
}

impl Listener {
    /// Listen with a certificate.
    pub fn new(config: Arc<Config>, identity: dtls::Identity, seed: [u8; 32], now: Instant) -> Self {
        let mut random = Random::new(seed);
        Self {
            gate: Gate::new(&config, &mut random, now),
            quota: Quota::new(&config, &mut random, now),
            networks: Networks::new(&mut random, now),
            seeds: Random::new(random.block()),
            train: 1,
            addresses: Addresses::new(&config, random, now),
            identity,
            sessions: HashMap::new(),
            next_id: 1,
            by_credentials: HashMap::new(),
            by_address: HashMap::new(),
            tombstones: Table::new(config.max_tombstones),
            handshakes: Handshakes::default(),
            unvalidated: 0,
            no_room: None,
            refusals: BTreeMap::new(),
            failures: Failures::default(),
            timers: BTreeSet::new(),
            touched: Vec::new(),
            out: Outbox::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            config,
        }
    }

    /// When `handle_timeout` wants to be called.
    pub fn timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Let time pass for the connections that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, id)) = self.timers.first().copied() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            if let Some(entry) = self.sessions.get_mut(&id) {
                entry.scheduled = None;
            }
            self.with_session(id, now, |_| ());
        }
    }

    /// Answer requests of so many strangers until this is called again, or those of all. For a caller that cannot keep
    /// up with what comes.
    pub fn set_strangers(&mut self, strangers: Option<usize>) {
        self.gate.set_strangers(strangers);
    }

    /// Take a run of datagrams that arrived joined, all of *size* but the last. Call `flush` after the last
    /// of a batch.
    ///
    /// Of STUN, nobody has use for more than a few at once; the others are not even looked at.
    pub fn handle_run_untrusted(&mut self, from: impl Into<Route>, run: &[u8], size: usize, now: Instant) {
        let route = from.into();
        let mut messages = 0;
        let size = size.max(1);
        self.train = run.len().div_ceil(size);
        for datagram in run.chunks(size) {
            if stun::looks_like_stun(datagram) {
                messages += 1;
                if messages > self.config.max_stun_of_run {
                    self.counters.throttled += 1;
                    continue;
                }
            }
            self.handle_datagram_untrusted(route, datagram, now);
        }
    }

    /// Take a datagram. Call `flush` after the last of a batch.
    pub fn handle_datagram_untrusted(&mut self, from: impl Into<Route>, datagram: &[u8], now: Instant) {
        let route = from.into();
        if stun::looks_like_stun(datagram) {
            self.handle_stun_untrusted(route, datagram, now);
        } else if dtls::looks_like_dtls(datagram) {
            self.handle_dtls_untrusted(route, datagram, now);
        } else {
            self.counters.malformed += 1;
        }
    }

    /// Do something with a connection, at a time. `None` where there is none.
    pub fn with_session<R>(
        &mut self,
        id: SessionId,
        now: Instant,
        action: impl FnOnce(&mut Session) -> R,
    ) -> Option<R> {
        let entry = self.sessions.get_mut(&id)?;
        // The connection writes to this outbox for as long as it is at work.
        std::mem::swap(&mut self.out, entry.session.outbox());
        let first = !std::mem::replace(&mut entry.touched, true);
        let session = &mut entry.session;
        let result = catch_unwind(AssertUnwindSafe(|| {
            if first {
                session.handle_timeout(now);
            }
            action(session)
        }));
        std::mem::swap(&mut self.out, entry.session.outbox());
        if first {
            self.touched.push(id);
        }
        match result {
            Ok(result) => Some(result),
            Err(_) => {
                self.remove_faulty(id, now);
                None
            }
        }
    }

    /// Send and hand over what the last calls made.
    pub fn flush(&mut self, now: Instant) {
        for id in std::mem::take(&mut self.touched) {
            self.with_session(id, now, |session| session.flush(now));
            self.settle(id, now);
        }
        self.touched.clear();
    }

    /// The connections that were at work since the last `flush`.
    pub fn touched(&self) -> &[SessionId] {
        &self.touched
    }

    /// A connection.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id).map(|entry| &*entry.session)
    }

    /// Datagrams to send.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.out
    }

    /// The next event of a connection; its first is `Connected`, or there is none at all.
    pub fn poll_event(&mut self) -> Option<(SessionId, Event)> {
        self.events.pop_front()
    }

    /// What a connection may have delivered and not yet consumed.
    pub fn unread_bytes(&self) -> u64 {
        self.config.unread_bytes
    }

    /// How many connections there are, those in the handshake included.
    pub fn len(&self) -> usize {
        self.by_credentials.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_credentials.is_empty()
    }

    /// What was dropped or refused.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The peer of a connection is authenticated, which ends its handshake: it gives way to nobody any more.
    pub fn authenticated(&mut self, id: SessionId) {
        if self.handshakes.remove(id)
            && let Some(entry) = self.sessions.get(&id)
        {
            self.networks.finish(entry.origin);
        }
    }

    /// How many of them are in the handshake, until their peers are authenticated.
    pub fn handshakes(&self) -> usize {
        self.handshakes.len()
    }

    /// How often each limit has refused a connection since the last call.
    pub fn take_refusals(&mut self) -> BTreeMap<Refusal, u64> {
        std::mem::take(&mut self.refusals)
    }

    /// The handshakes that have failed since the last call, by reason.
    pub fn take_failures(&mut self) -> BTreeMap<Failure, Failed> {
        self.failures.take()
    }

    /// The connections.
    pub fn ids(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    fn handle_dtls_untrusted(&mut self, route: Route, datagram: &[u8], now: Instant) {
        let source = route.remote;
        let at = self.by_address.get(&source).copied();
        let hello = dtls::is_client_hello(datagram);
        let id = match at {
            Some(id) if !hello || !self.is_another_connection(id, source) => id,
            _ if !hello => {
                self.counters.unknown_source += 1;
                if dtls::is_data(datagram) {
                    self.addresses.note_data(source);
                }
                return;
            }
            _ => match self.admit(route, datagram, now) {
                Some(id) => id,
                None => return,
            },
        };
        let train = self.train;
        self.with_session(id, now, |session| {
            session.expect_train(train);
            session.handle_datagram_untrusted(route, datagram, now);
        });
    }

    /// Whether the client at *source*, which has connection *id*, has proved to want another one.
    fn is_another_connection(&self, id: SessionId, source: SocketAddr) -> bool {
        let current = self.sessions.get(&id).map(|entry| &entry.credentials);
        self.addresses.answered(source).is_some_and(|credentials| Some(credentials) != current)
    }
}
