//! Many connections on one UDP port, and who gets one.
//!
//! The key of an authentic Binding request stands in the request itself, so it proves nothing about its
//! sender. A request is therefore answered without keeping a connection for it, and, unless it
//! nominates the pair, with a check of our own whose transaction id is an HMAC of the sender's address:
//! its answer proves, without memory, that somebody at that address speaks ICE. A connection is made for
//! a ClientHello from an address that has sent an authentic request, and, under pressure, only once the
//! address has proved itself. Until then three times of what came from there goes back (RFC 9000 8.1).
//!
//! The check has a second use: a peer that nominates late, as pion does, nominates at once when it is
//! asked on the pair.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use crate::addresses::Addresses;
use crate::config::Config;
use crate::dtls;
use crate::ice;
use crate::outbox::Outbox;
use crate::quota::Quota;
pub use crate::quota::Refusal;
use crate::session::{Event, Reason, Session};
use crate::stun::{self, Class, IceRole};
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
    /// A ClientHello beyond a limit.
    pub refused: u64,
    /// Datagrams that were kept from addresses that are not validated.
    pub withheld: u64,
    /// Checks of closed connections that were answered with a 403.
    pub tombstones: u64,
}

#[derive(Debug)]
struct Tombstone {
    until: Instant,
    answers_left: u32,
}

#[derive(Debug)]
struct Entry {
    session: Session,
    credentials: Arc<Credentials>,
    addresses: Vec<SocketAddr>,
    scheduled: Option<Instant>,
    touched: bool,
    handshaking: bool,
    unvalidated: bool,
    withheld: u64,
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
    sessions: HashMap<SessionId, Entry>,
    next_id: SessionId,
    by_credentials: HashMap<Arc<Credentials>, SessionId>,
    by_address: HashMap<SocketAddr, SessionId>,
    tombstones: Table<Arc<Credentials>, Tombstone>,
    handshakes: usize,
    unvalidated: usize,
    quota: Quota,
    refusal: Option<Refusal>,
    timers: BTreeSet<(Instant, SessionId)>,
    touched: Vec<SessionId>,
    out: Outbox,
    events: VecDeque<(SessionId, Event)>,
    counters: Counters,
}

impl Listener {
    /// Listen with a certificate.
    pub fn new(config: Arc<Config>, identity: dtls::Identity, seed: [u8; 32], now: Instant) -> Self {
        Self {
            addresses: Addresses::new(&config, seed, now),
            identity,
            sessions: HashMap::new(),
            next_id: 1,
            by_credentials: HashMap::new(),
            by_address: HashMap::new(),
            tombstones: Table::new(config.max_tombstones),
            handshakes: 0,
            unvalidated: 0,
            quota: Quota::new(&config, now),
            refusal: None,
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

    /// Take a datagram. Call `flush` after the last of a batch.
    pub fn handle_datagram_untrusted(&mut self, source: SocketAddr, datagram: &[u8], now: Instant) {
        if stun::looks_like_stun(datagram) {
            self.handle_stun_untrusted(source, datagram, now);
        } else if dtls::looks_like_dtls(datagram) {
            self.handle_dtls_untrusted(source, datagram, now);
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
        self.sessions.get(&id).map(|entry| &entry.session)
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

    /// How many of them are in the handshake.
    pub fn handshakes(&self) -> usize {
        self.handshakes
    }

    /// The limit that refused a connection since the last call, if one did.
    pub fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// The connections.
    pub fn ids(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    fn handle_stun_untrusted(&mut self, source: SocketAddr, datagram: &[u8], now: Instant) {
        let Ok(message) = stun::parse_untrusted(datagram) else {
            self.counters.malformed += 1;
            return;
        };
        match message.class {
            Class::Request => self.answer_untrusted(source, &message, datagram.len() as u64, now),
            Class::Success => self.prove_untrusted(source, &message, now),
            Class::Indication | Class::Error(_) => {}
        }
    }

    fn answer_untrusted(
        &mut self,
        source: SocketAddr,
        message: &stun::Message<'_>,
        length: u64,
        now: Instant,
    ) {
        let username = message.username.unwrap_or_default();
        let Ok(credentials) = Credentials::from_username_untrusted(username) else {
            self.counters.bad_username += 1;
            return;
        };
        if !message.is_authentic(credentials.server_ufrag.as_bytes()) {
            self.counters.unauthentic += 1;
            return;
        }
        let credentials = Arc::new(credentials);
        let key = &credentials.server_ufrag;
        if message.role == Some(IceRole::Controlled) {
            let id = message.transaction_id;
            self.out.push(source, &stun::binding_error(id, 487, "Role Conflict", &[], key));
            return;
        }
        if let Some(tombstone) = self.tombstones.get_mut(&credentials) {
            if now < tombstone.until {
                if tombstone.answers_left > 0 {
                    tombstone.answers_left -= 1;
                    self.counters.tombstones += 1;
                    let id = message.transaction_id;
                    self.out.push(source, &stun::binding_error(id, 403, "Forbidden", &[], key));
                }
                return;
            }
            self.tombstones.remove(&credentials);
        }
        if self.is_to_prove_first(source, now) {
            let check = self.addresses.check(source, &credentials, now);
            self.out.push(source, &check);
            return;
        }
        let response = ice::answer(message, source, key);
        let mut sent = response.len() as u64;
        self.out.push(source, &response);
        let nominates = message.role == Some(IceRole::Controlling { use_candidate: true });
        if self.wants_check(source, &credentials, nominates) {
            let check = self.addresses.check(source, &credentials, now);
            sent += check.len() as u64;
            self.out.push(source, &check);
        }
        let proved = self.addresses.remember(source, &credentials, length, sent, now);
        if let (true, Some(id)) = (proved, self.by_credentials.get(&credentials).copied()) {
            self.add_address(id, source);
        }
    }

    /// Whether a stranger is asked before it is answered.
    ///
    /// Then nothing is kept of it, so that a flood from forged addresses displaces nobody. A client that
    /// has no answer yet repeats its request, and then it comes from an address that has proved itself.
    fn is_to_prove_first(&mut self, source: SocketAddr, now: Instant) -> bool {
        let stranger = !self.addresses.is_proved(source) && !self.by_address.contains_key(&source);
        stranger && (self.is_under_pressure() || !self.addresses.has_room(source, now))
    }

    /// Whether to ask the sender of a request for a proof of its address.
    fn wants_check(&self, source: SocketAddr, credentials: &Arc<Credentials>, nominates: bool) -> bool {
        if self.addresses.has_answered(source, credentials) {
            return false;
        }
        let elsewhere = match (self.by_credentials.get(credentials), self.by_address.get(&source)) {
            // Another address of a connection, or another connection of an address.
            (Some(id), at) => at != Some(id),
            (None, at) => at.is_some(),
        };
        !nominates || elsewhere || self.is_under_pressure()
    }

    /// A client may check from several addresses and use another one later.
    fn add_address(&mut self, id: SessionId, source: SocketAddr) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let taken = self.by_address.contains_key(&source);
        if !taken && entry.addresses.len() < self.config.max_addresses {
            entry.addresses.push(source);
            self.by_address.insert(source, id);
        }
    }

    /// An answer to a check of ours: whoever sent it has received the check.
    fn prove_untrusted(&mut self, source: SocketAddr, message: &stun::Message<'_>, now: Instant) {
        if !self.addresses.is_ours(message.transaction_id, source, now) {
            self.counters.unauthentic += 1;
            return;
        }
        // A ClientHello may have overtaken the answer; then there is a connection.
        let here = self.by_address.get(&source).and_then(|id| self.sessions.get(id));
        let named = self.addresses.named(source);
        let asked = named.or_else(|| here.map(|entry| Arc::clone(&entry.credentials)));
        let answered =
            asked.as_ref().is_some_and(|credentials| message.is_authentic(credentials.client_pwd.as_bytes()));
        if let (Some(credentials), true) = (&asked, answered)
            && let Some(id) = self.by_credentials.get(credentials).copied()
        {
            self.add_address(id, source);
            let here = self.sessions.get(&id).is_some_and(|entry| entry.session.remote() == source);
            if here {
                self.with_session(id, now, Session::validate);
            }
        }
        for datagram in self.addresses.prove(source, asked, answered) {
            self.handle_dtls_untrusted(source, &datagram, now);
        }
    }

    fn handle_dtls_untrusted(&mut self, source: SocketAddr, datagram: &[u8], now: Instant) {
        let at = self.by_address.get(&source).copied();
        let hello = dtls::is_client_hello(datagram);
        let id = match at {
            Some(id) if !hello || !self.is_another_connection(id, source) => id,
            _ if !hello => {
                self.counters.unknown_source += 1;
                return;
            }
            _ => match self.admit(source, datagram, now) {
                Some(id) => id,
                None => return,
            },
        };
        self.with_session(id, now, |session| session.handle_datagram_untrusted(source, datagram, now));
    }

    /// Whether the client at *source*, which has connection *id*, has proved to want another one.
    fn is_another_connection(&self, id: SessionId, source: SocketAddr) -> bool {
        let current = self.sessions.get(&id).map(|entry| &entry.credentials);
        self.addresses.answered(source).is_some_and(|credentials| Some(credentials) != current)
    }

    /// A connection for the sender of a ClientHello, where it may have one.
    fn admit(&mut self, source: SocketAddr, datagram: &[u8], now: Instant) -> Option<SessionId> {
        let Some((credentials, allowance)) = self.addresses.standing(source) else {
            self.counters.unknown_source += 1;
            return None;
        };
        if let Some(id) = self.by_credentials.get(&credentials).copied() {
            // The same client from another address, which the connection follows once it is proved.
            if allowance.is_none() {
                self.add_address(id, source);
            }
            return allowance.is_none().then_some(id);
        }
        if allowance.is_some() && self.is_under_pressure() {
            self.addresses.hold(source, datagram);
            return None;
        }
        if let Err(refusal) = self.check_limits(source.ip(), now) {
            self.counters.refused += 1;
            self.refusal = Some(refusal);
            return None;
        }
        Some(self.create(source, credentials, allowance, now))
    }

    fn check_limits(&mut self, ip: IpAddr, now: Instant) -> Result<(), Refusal> {
        if self.by_credentials.len() >= self.config.max_connections {
            return Err(Refusal::Connections);
        }
        if self.handshakes >= self.config.max_handshakes {
            return Err(Refusal::Handshakes);
        }
        self.quota.admit(&self.config, ip, now)
    }

    fn create(
        &mut self,
        source: SocketAddr,
        credentials: Arc<Credentials>,
        allowance: Option<u64>,
        now: Instant,
    ) -> SessionId {
        let id = self.next_id;
        self.next_id += 1;
        let config = Arc::clone(&self.config);
        let version = credentials.version;
        let session = Session::server(config, version, &self.identity, source, allowance, now);
        let unvalidated = allowance.is_some();
        self.handshakes += 1;
        self.unvalidated += usize::from(unvalidated);
        self.addresses.forget_candidate(source);
        self.by_credentials.insert(Arc::clone(&credentials), id);
        if let Some(before) = self.by_address.insert(source, id)
            && let Some(entry) = self.sessions.get_mut(&before)
        {
            entry.addresses.retain(|address| *address != source);
        }
        self.sessions.insert(
            id,
            Entry {
                session,
                credentials,
                addresses: vec![source],
                scheduled: None,
                touched: false,
                handshaking: true,
                unvalidated,
                withheld: 0,
                buried: false,
                origin: source.ip(),
            },
        );
        id
    }

    fn is_under_pressure(&self) -> bool {
        self.unvalidated >= self.config.max_unvalidated_handshakes
    }

    /// After a connection was at work: its events, its timer, its place in the counts, its end.
    fn settle(&mut self, id: SessionId, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        entry.touched = false;
        let was_handshaking = entry.handshaking;
        if was_handshaking && !entry.session.is_handshaking() {
            entry.handshaking = false;
            self.handshakes -= 1;
        }
        if entry.unvalidated && (!entry.session.is_unvalidated() || !entry.handshaking) {
            entry.unvalidated = false;
            self.unvalidated -= 1;
        }
        let withheld = entry.session.withheld();
        self.counters.withheld += withheld - entry.withheld;
        entry.withheld = withheld;
        let mut announced = !was_handshaking;
        while let Some(event) = entry.session.poll_event() {
            announced |= matches!(event, Event::Connected(_));
            if announced {
                self.events.push_back((id, event));
            }
        }
        if entry.session.is_closed() && !entry.buried {
            self.bury(id, now);
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.session.is_finished() {
            self.remove(id);
            return;
        }
        let due = entry.session.timeout();
        if entry.scheduled != due {
            if let Some(before) = entry.scheduled.take() {
                self.timers.remove(&(before, id));
            }
            if let Some(due) = due {
                self.timers.insert((due, id));
            }
            entry.scheduled = due;
        }
    }

    /// A connection has ended: it counts no more, and its checks get a 403.
    fn bury(&mut self, id: SessionId, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.buried = true;
        self.quota.release(entry.origin);
        self.handshakes -= usize::from(std::mem::take(&mut entry.handshaking));
        self.unvalidated -= usize::from(std::mem::take(&mut entry.unvalidated));
        self.by_credentials.remove(&entry.credentials);
        self.tombstones.remove_oldest_while(|tombstone| tombstone.until <= now);
        self.tombstones.insert(
            Arc::clone(&entry.credentials),
            Tombstone {
                until: now + self.config.tombstone_time,
                answers_left: self.config.tombstone_answers,
            },
        );
    }

    fn remove(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.remove(&id) else { return };
        if let Some(at) = entry.scheduled {
            self.timers.remove(&(at, id));
        }
        for address in &entry.addresses {
            if self.by_address.get(address) == Some(&id) {
                self.by_address.remove(address);
            }
        }
    }

    fn remove_faulty(&mut self, id: SessionId, now: Instant) {
        let announced = self.sessions.get(&id).is_some_and(|entry| !entry.handshaking);
        if announced {
            let detail = "a fault of the engine; please report it".to_owned();
            self.events.push_back((id, Event::Closed(Reason::Fault, detail)));
        }
        self.bury(id, now);
        self.remove(id);
    }
}
