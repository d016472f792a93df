//! What a listener does with STUN, of strangers and of the clients that it has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{Listener, SessionId};
use crate::addresses::Verdict;
use crate::ice;
use crate::route::Route;
use crate::stun::{self, Class, IceRole};
use crate::ufrag::{Credentials, Username};

impl Listener {
    pub(super) fn handle_stun_untrusted(&mut self, route: Route, datagram: &[u8], now: Instant) {
        let Ok(message) = stun::parse_untrusted(datagram) else {
            self.counters.malformed += 1;
            return;
        };
        match message.class {
            Class::Request => self.answer_untrusted(route, &message, datagram.len() as u64, now),
            Class::Success => self.prove_untrusted(route, &message, now),
            Class::Indication | Class::Error(_) => {}
        }
    }

    fn answer_untrusted(&mut self, route: Route, message: &stun::Message<'_>, length: u64, now: Instant) {
        let source = route.remote;
        let is_stranger = self.is_stranger(source);
        if !self.gate.admits(source, !is_stranger, now) {
            self.counters.throttled += 1;
            return;
        }
        let Ok(named) = Username::parse_untrusted(message.username.unwrap_or_default()) else {
            self.counters.bad_username += 1;
            return;
        };
        if !message.is_authentic(named.server_ufrag.as_bytes()) {
            self.counters.unauthentic += 1;
            return;
        }
        if is_stranger && self.is_to_prove_first(source, now) {
            let check = self.addresses.check(source, named, now);
            self.out.push(route, &check);
            return;
        }
        let credentials = Arc::new(named.to_owned());
        let key = &credentials.server_ufrag;
        if message.role == Some(IceRole::Controlled) {
            let id = message.transaction_id;
            self.out.push(route, &stun::binding_error(id, 487, "Role Conflict", &[], key));
            return;
        }
        if let Some(tombstone) = self.tombstones.get_mut(&credentials) {
            if now < tombstone.until {
                if tombstone.answers_left > 0 {
                    tombstone.answers_left -= 1;
                    self.counters.tombstones += 1;
                    self.forbid(route, message, key);
                }
                return;
            }
            self.tombstones.remove(&credentials);
        }
        if self.is_of_the_past(route, &credentials, message, now) {
            return;
        }
        let mut datagrams = vec![ice::answer(message, source, key)];
        let nominates = message.role == Some(IceRole::Controlling { use_candidate: true });
        if self.wants_check(source, &credentials, nominates) {
            datagrams.push(self.addresses.check(source, named, now));
            if nominates {
                // It says hello when it has the answer, and then it has proved itself already.
                datagrams.reverse();
            }
        }
        for datagram in &datagrams {
            self.out.push(route, datagram);
        }
        let sent = datagrams.iter().map(|datagram| datagram.len() as u64).sum();
        let proved = self.addresses.remember(source, &credentials, length, sent, now);
        if let (true, Some(id)) = (proved, self.by_credentials.get(&credentials).copied()) {
            self.prove_path(id, route, now);
        }
    }

    /// Whether a request is of a connection of the past; then it has got what it gets.
    fn is_of_the_past(
        &mut self,
        route: Route,
        credentials: &Arc<Credentials>,
        message: &stun::Message<'_>,
        now: Instant,
    ) -> bool {
        if self.by_credentials.contains_key(credentials) {
            return false;
        }
        let verdict = self.addresses.judge(route.remote, credentials, &self.config, now);
        if verdict == Verdict::Past {
            self.counters.past += 1;
            self.forbid(route, message, &credentials.server_ufrag);
        }
        verdict != Verdict::Welcome
    }

    /// Withdraw the consent to a connection, which ends it at a peer that follows RFC 7675.
    fn forbid(&mut self, route: Route, message: &stun::Message<'_>, key: &str) {
        let error = stun::binding_error(message.transaction_id, 403, "Forbidden", &[], key);
        self.out.push(route, &error);
    }

    /// Whether a stranger is asked before it is answered, whatever it has to say.
    ///
    /// Then nothing is kept of it, so that a flood from forged addresses displaces nobody. A client that
    /// has no answer yet repeats its request, and then it comes from an address that has proved itself.
    fn is_to_prove_first(&mut self, source: SocketAddr, now: Instant) -> bool {
        self.gate.is_crowded() || self.is_under_pressure() || !self.addresses.has_room(source, now)
    }

    /// Whether nothing has been proved from *source*.
    fn is_stranger(&self, source: SocketAddr) -> bool {
        !self.addresses.is_proved(source) && !self.by_address.contains_key(&source)
    }

    /// Whether to ask the sender of a request for a proof of its address.
    fn wants_check(&self, source: SocketAddr, credentials: &Arc<Credentials>, nominates: bool) -> bool {
        if self.addresses.has_answered(source, credentials) {
            return false;
        }
        // Its connection counts what is sent there, and knows its client by its DTLS.
        let id = self.by_credentials.get(credentials);
        let is_connected = id.is_some() && id == self.by_address.get(&source);
        !is_connected || !nominates || self.is_under_pressure()
    }

    /// A client may check from several addresses and use another one later.
    pub(super) fn add_address(&mut self, id: SessionId, source: SocketAddr) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let taken = self.by_address.contains_key(&source);
        if !taken && entry.addresses.len() < self.config.max_addresses {
            entry.addresses.push(source);
            self.by_address.insert(source, id);
        }
    }

    /// The client of connection *id* is at the end of *route*, too.
    fn prove_path(&mut self, id: SessionId, route: Route, now: Instant) {
        self.add_address(id, route.remote);
        if self.by_address.get(&route.remote) == Some(&id) {
            self.with_session(id, now, |session| session.take_path(route, now));
        }
    }

    /// An answer to a check of ours: whoever sent it has received the check.
    fn prove_untrusted(&mut self, route: Route, message: &stun::Message<'_>, now: Instant) {
        let source = route.remote;
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
            self.prove_path(id, route, now);
        }
        for datagram in self.addresses.prove(source, asked, answered, now) {
            self.handle_dtls_untrusted(route, &datagram, now);
        }
    }
}
