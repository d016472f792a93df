//! What a listener knows of source addresses that have no connection (yet): who sent an authentic
//! request, who proved to receive what is sent there, and whose ClientHello waits for that proof.
//!
//! Each table is of fixed size. The proof needs none of them: the transaction id of a check is an HMAC of
//! the address it went to, under a secret that changes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;

use crate::config::Config;
use crate::random::Random;
use crate::stun::{self, IceRole, TransactionId};
use crate::table::Table;
use crate::ufrag::Credentials;
use crate::wire::AMPLIFICATION;

/// How long a secret makes transaction ids; the one before it is still believed.
const SECRET_TIME: Duration = Duration::from_secs(30);
/// For so long an address that sent a request has its place; a ClientHello follows at once.
const CANDIDATE_TIME: Duration = Duration::from_secs(2);
/// A ClientHello comes in one or two datagrams.
const MAX_HELD_DATAGRAMS: usize = 2;
const MAX_HELD_DATAGRAM: usize = 2048;

/// What an address may have: a connection for these credentials, and, while it has not proved itself,
/// so many bytes.
pub(crate) type Standing = (Arc<Credentials>, Option<u64>);

/// An address that sent an authentic request.
#[derive(Debug)]
struct Candidate {
    credentials: Arc<Credentials>,
    /// What may still be sent there.
    allowance: u64,
    since: Instant,
}

/// An address that has answered a check.
#[derive(Debug)]
struct Proved {
    credentials: Option<Arc<Credentials>>,
    /// It has answered one for these credentials, so it needs no more of them.
    answered: bool,
}

/// The tables and the secret.
#[derive(Debug)]
pub(crate) struct Addresses {
    candidates: Table<SocketAddr, Candidate>,
    proved: Table<SocketAddr, Proved>,
    held: Table<SocketAddr, Vec<Vec<u8>>>,
    random: Random,
    secret: hmac::Key,
    old_secret: hmac::Key,
    secret_since: Instant,
}

impl Addresses {
    pub(crate) fn new(config: &Config, mut random: Random, now: Instant) -> Self {
        let secret = new_secret(&mut random);
        Self {
            candidates: Table::new(config.max_candidates),
            proved: Table::new(config.max_validated),
            held: Table::new(config.max_held_hellos),
            random,
            old_secret: secret.clone(),
            secret,
            secret_since: now,
        }
    }

    /// A Binding request of our own, whose answer proves that somebody is at *source*.
    pub(crate) fn check(&mut self, source: SocketAddr, credentials: &Credentials, now: Instant) -> Vec<u8> {
        self.rotate_secret(now);
        let id = transaction_id(&self.secret, source);
        let username = credentials.username_to_client();
        let tie_breaker = self.random.number();
        stun::binding_request(id, &username, &credentials.client_pwd, IceRole::Controlled, tie_breaker)
    }

    /// Whether *id* is that of a check which went to *source*.
    pub(crate) fn is_ours(&mut self, id: TransactionId, source: SocketAddr, now: Instant) -> bool {
        self.rotate_secret(now);
        id == transaction_id(&self.secret, source) || id == transaction_id(&self.old_secret, source)
    }

    /// Whether *source* has answered a check for these credentials.
    pub(crate) fn has_answered(&self, source: SocketAddr, credentials: &Arc<Credentials>) -> bool {
        self.proved
            .get(&source)
            .is_some_and(|proved| proved.answered && proved.credentials.as_ref() == Some(credentials))
    }

    /// Whether *source* has answered a check, for whatever credentials.
    pub(crate) fn is_proved(&self, source: SocketAddr) -> bool {
        self.proved.get(&source).is_some()
    }

    /// Whether *source* can be remembered without forgetting somebody who may still say hello.
    pub(crate) fn has_room(&mut self, source: SocketAddr, now: Instant) -> bool {
        self.candidates.remove_oldest_while(|candidate| candidate.since + CANDIDATE_TIME <= now);
        self.candidates.has_room(&source)
    }

    /// The credentials for which *source* has answered a check, if it has.
    pub(crate) fn answered(&self, source: SocketAddr) -> Option<&Arc<Credentials>> {
        let proved = self.proved.get(&source).filter(|proved| proved.answered)?;
        proved.credentials.as_ref()
    }

    /// An authentic request of *received* bytes came, and *sent* bytes went back. Returns whether the
    /// address has proved itself before.
    pub(crate) fn remember(
        &mut self,
        source: SocketAddr,
        credentials: &Arc<Credentials>,
        received: u64,
        sent: u64,
        now: Instant,
    ) -> bool {
        let credentials = Arc::clone(credentials);
        if let Some(proved) = self.proved.get_mut(&source) {
            if proved.credentials.as_ref() != Some(&credentials) {
                *proved = Proved { credentials: Some(credentials), answered: false };
            }
            return true;
        }
        let earned = (AMPLIFICATION * received).saturating_sub(sent);
        match self.candidates.get_mut(&source) {
            Some(candidate) => {
                candidate.allowance += earned;
                candidate.credentials = credentials;
            }
            None => self.candidates.insert(source, Candidate { credentials, allowance: earned, since: now }),
        }
        false
    }

    /// The credentials that *source* named last.
    pub(crate) fn named(&self, source: SocketAddr) -> Option<Arc<Credentials>> {
        match (self.proved.get(&source), self.candidates.get(&source)) {
            (Some(proved), _) => proved.credentials.clone(),
            (None, candidate) => candidate.map(|candidate| Arc::clone(&candidate.credentials)),
        }
    }

    /// *source* has answered a check; *answered* if it used the key of *credentials*. Returns the
    /// ClientHello that waited for this.
    pub(crate) fn prove(
        &mut self,
        source: SocketAddr,
        credentials: Option<Arc<Credentials>>,
        answered: bool,
    ) -> Vec<Vec<u8>> {
        self.candidates.remove(&source);
        self.proved.insert(source, Proved { credentials, answered });
        self.held.remove(&source).unwrap_or_default()
    }

    /// What the sender of a ClientHello may have.
    pub(crate) fn standing(&self, source: SocketAddr) -> Option<Standing> {
        let proved = self.proved.get(&source).and_then(|proved| proved.credentials.clone());
        match (proved, self.candidates.get(&source)) {
            (Some(credentials), _) => Some((credentials, None)),
            (None, Some(candidate)) => Some((Arc::clone(&candidate.credentials), Some(candidate.allowance))),
            (None, None) => None,
        }
    }

    /// *source* has a connection now, which counts what is sent there.
    pub(crate) fn forget_candidate(&mut self, source: SocketAddr) {
        self.candidates.remove(&source);
    }

    /// Keep a part of a ClientHello until its address has proved itself.
    pub(crate) fn hold(&mut self, source: SocketAddr, datagram: &[u8]) {
        if datagram.len() > MAX_HELD_DATAGRAM {
            return;
        }
        match self.held.get_mut(&source) {
            Some(held) if held.len() < MAX_HELD_DATAGRAMS => held.push(datagram.to_vec()),
            Some(_) => {}
            None => self.held.insert(source, vec![datagram.to_vec()]),
        }
    }

    fn rotate_secret(&mut self, now: Instant) {
        if now.saturating_duration_since(self.secret_since) >= SECRET_TIME {
            let secret = new_secret(&mut self.random);
            self.old_secret = std::mem::replace(&mut self.secret, secret);
            self.secret_since = now;
        }
    }
}

fn new_secret(random: &mut Random) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &random.block())
}

fn transaction_id(secret: &hmac::Key, source: SocketAddr) -> TransactionId {
    let mut input = Vec::with_capacity(18);
    match source {
        SocketAddr::V4(address) => input.extend_from_slice(&address.ip().octets()),
        SocketAddr::V6(address) => input.extend_from_slice(&address.ip().octets()),
    }
    input.extend_from_slice(&source.port().to_be_bytes());
    let tag = hmac::sign(secret, &input);
    let mut id = [0; 12];
    id.copy_from_slice(&tag.as_ref()[..12]);
    id
}
