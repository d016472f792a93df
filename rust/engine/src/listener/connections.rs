//! How the connections of a listener begin and end, and what is counted of them meanwhile.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{Entry, Idle, Listener, Rank, Refusal, SessionId, Tombstone};
use crate::failure::Failure;
use crate::route::Route;
use crate::session::{Event, Reason, Session};
use crate::ufrag::Credentials;

impl Listener {
    /// A connection for the sender of a ClientHello, where it may have one.
    pub(super) fn admit(&mut self, route: Route, datagram: &[u8], now: Instant) -> Option<SessionId> {
        let source = route.remote;
        self.addresses.note_hello(source, now);
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
        let rank = self.networks.rank(source.ip(), now);
        let is_proved = allowance.is_none();
        if let Err(refusal) = self.check_limits(source.ip(), rank, is_proved, now) {
            self.counters.refused += 1;
            *self.refusals.entry(refusal).or_default() += 1;
            return None;
        }
        Some(self.create(route, credentials, allowance, rank, now))
    }

    fn check_limits(&mut self, ip: IpAddr, rank: Rank, is_proved: bool, now: Instant) -> Result<(), Refusal> {
        if self.by_credentials.len() >= self.config.max_connections {
            let is_trusted = is_proved && rank == Rank::Known;
            if !self.make_room(ip, is_trusted, now) {
                return Err(Refusal::Connections);
            }
        }
        let displaced = if self.handshakes.len() < self.config.max_handshakes {
            None
        } else {
            let grace = self.config.handshake_grace;
            Some(self.handshakes.to_displace(ip, rank, grace, now).ok_or(Refusal::Handshakes)?)
        };
        self.quota.admit(&self.config, ip, rank, now)?;
        if let Some(id) = displaced {
            self.displace(id, now);
        }
        Ok(())
    }

    /// End a handshake without a word, because its client may say hello again; what was handed over ends as a connection.
    fn displace(&mut self, id: SessionId, now: Instant) {
        self.counters.displaced += 1;
        if self.sessions.get(&id).is_some_and(|entry| entry.announced) {
            let words = "not authenticated in time: its handshake gave way to a newer one (max_handshakes)";
            if let Some(entry) = self.sessions.get(&id).filter(|_| self.handshakes.remove(id)) {
                self.networks.leave(entry.origin);
            }
            self.with_session(id, now, |session| session.end(Reason::Limit, words.to_owned()));
            return;
        }
        for address in self.sessions.get(&id).map(|entry| &entry.addresses).into_iter().flatten() {
            self.addresses.note_hello(*address, now);
        }
        self.uncount(id);
        self.remove(id);
    }

    fn create(
        &mut self,
        route: Route,
        credentials: Arc<Credentials>,
        allowance: Option<u64>,
        rank: Rank,
        now: Instant,
    ) -> SessionId {
        let source = route.remote;
        let id = self.next_id;
        self.next_id += 1;
        let config = Arc::clone(&self.config);
        let version = credentials.version;
        let seed = self.seeds.number();
        let session = Session::server(config, version, &self.identity, route, allowance, seed, now);
        let session = Box::new(session);
        let unvalidated = allowance.is_some();
        self.handshakes.insert(id, source.ip(), rank, now);
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
                unvalidated,
                withheld: 0,
                announced: false,
                idle: Idle::default(),
                buried: false,
                origin: source.ip(),
            },
        );
        id
    }

    pub(super) fn is_under_pressure(&self) -> bool {
        self.unvalidated >= self.config.max_unvalidated_handshakes
    }

    /// After a connection was at work: its events, its timer, its place in the counts, its end.
    pub(super) fn settle(&mut self, id: SessionId, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        entry.touched = false;
        let is_handshaking = entry.session.is_handshaking();
        if entry.unvalidated && (!entry.session.is_unvalidated() || !is_handshaking) {
            entry.unvalidated = false;
            self.unvalidated -= 1;
        }
        let withheld = entry.session.withheld();
        self.counters.withheld += withheld - entry.withheld;
        entry.withheld = withheld;
        self.take_events(id);
        self.note_idle(id, now);
        let Some(entry) = self.sessions.get_mut(&id) else { return };
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

    /// Hand over the events of a connection that is up or was; of another one only its failure is told.
    fn take_events(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        while let Some(event) = entry.session.poll_event() {
            entry.announced |= matches!(event, Event::Connected(_));
            if entry.announced {
                self.events.push_back((id, event));
            } else if let (Event::Closed(_, words), Some(failure)) = (event, entry.session.failure()) {
                self.counters.failed[failure as usize] += 1;
                self.failures.note(failure, entry.session.remote(), words);
            }
        }
    }

    /// A connection has ended: it counts no more, and its checks get a 403.
    fn bury(&mut self, id: SessionId, now: Instant) {
        self.uncount(id);
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.buried = true;
        self.tombstones.remove_oldest_while(|tombstone| tombstone.until <= now);
        self.tombstones.insert(
            Arc::clone(&entry.credentials),
            Tombstone {
                until: now + self.config.tombstone_time,
                answers_left: self.config.tombstone_answers,
            },
        );
    }

    /// Take a connection out of all counts, and free its credentials.
    fn uncount(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let was_unvalidated = std::mem::take(&mut entry.unvalidated);
        self.unvalidated -= usize::from(was_unvalidated);
        self.quota.release(entry.origin);
        // Anybody can begin a handshake in the name of an address that is not validated.
        if self.handshakes.remove(id) && !was_unvalidated {
            self.networks.leave(entry.origin);
        }
        self.by_credentials.remove(&entry.credentials);
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

    pub(super) fn remove_faulty(&mut self, id: SessionId, now: Instant) {
        if let Some(entry) = self.sessions.get(&id).filter(|entry| !entry.buried) {
            let detail = "a fault of the engine; please report it".to_owned();
            if !entry.announced {
                self.counters.failed[Failure::Engine as usize] += 1;
                self.failures.note(Failure::Engine, entry.session.remote(), detail);
            } else {
                self.events.push_back((id, Event::Closed(Reason::Fault, detail)));
            }
            self.bury(id, now);
        }
        self.remove(id);
    }
}
