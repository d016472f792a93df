//! What a listener knows of source addresses that have no connection (yet): who sent an authentic
//! request, who proved to receive what is sent there, whose ClientHello waits for that proof, and who has
//! a connection of the past, which a process made that listened here before.
//!
//! Each table is of fixed size. The proof needs none of them: the transaction id of a check is an HMAC of
//! the address it went to, under a secret that changes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::mac::Sha256Key;
use crate::random::Random;
use crate::stun::{self, IceRole, TransactionId};
use crate::table::Table;
use crate::ufrag::{Credentials, Username};
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

/// What came from an address that has answered a check, beside checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Nothing,
    /// Encrypted data of no connection that there is. Of a handshake that was displaced, it may come too; its
    /// client is past its hello, and waits in vain as well.
    Data,
    /// A ClientHello. What is refused or displaced may be repeated late, for as long as a handshake may take.
    Hello,
    /// It has been judged, and may have so many more answers.
    Past(u32),
}

/// An address that has answered a check.
#[derive(Debug)]
struct Proved {
    credentials: Option<Arc<Credentials>>,
    /// It has answered one for these credentials, so it needs no more of them.
    answered: bool,
    /// When it first did, or when its last ClientHello came.
    since: Instant,
    sign: Sign,
}

impl Proved {
    fn new(credentials: Option<Arc<Credentials>>, answered: bool, now: Instant) -> Self {
        Self { credentials, answered, since: now, sign: Sign::Nothing }
    }

    /// It has answered once more, for what it has named.
    fn answer(&mut self, answered: bool, now: Instant) {
        if answered && !self.answered {
            self.answered = true;
            if self.sign != Sign::Hello {
                self.since = now;
            }
        }
    }
}

/// What to say to a check of a connection that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is of a newcomer, for all that is known.
    Welcome,
    /// The connection is of the past.
    Past,
    /// It is, and has been told so often enough.
    ToldBefore,
}

/// The tables and the secret.
#[derive(Debug)]
pub(crate) struct Addresses {
    candidates: Table<SocketAddr, Candidate>,
    proved: Table<SocketAddr, Proved>,
    held: Table<SocketAddr, Vec<Vec<u8>>>,
    random: Random,
    secret: Sha256Key,
    old_secret: Sha256Key,
    secret_since: Instant,
    tie_breaker: u64,
}

impl Addresses {
    pub(crate) fn new(config: &Config, mut random: Random, now: Instant) -> Self {
        let secret = Sha256Key::new(&random.block());
        Self {
            tie_breaker: random.number(),
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
    pub(crate) fn check(&mut self, source: SocketAddr, named: Username<'_>, now: Instant) -> Vec<u8> {
        self.rotate_secret(now);
        let id = transaction_id(&self.secret, source);
        let (username, key) = (named.to_client(), named.client_pwd);
        stun::binding_request(id, &username, key, IceRole::Controlled, self.tie_breaker)
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
                *proved = Proved::new(Some(credentials), false, now);
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
        now: Instant,
    ) -> Vec<Vec<u8>> {
        self.candidates.remove(&source);
        match self.proved.get_mut(&source).filter(|proved| proved.credentials == credentials) {
            Some(proved) => proved.answer(answered, now),
            None => self.proved.insert(source, Proved::new(credentials, answered, now)),
        }
        self.held.remove(&source).unwrap_or_default()
    }

    /// Encrypted data came from *source*, which has no connection.
    pub(crate) fn note_data(&mut self, source: SocketAddr) {
        if let Some(proved) = self.proved.get_mut(&source)
            && proved.sign == Sign::Nothing
        {
            proved.sign = Sign::Data;
        }
    }

    /// A ClientHello came from *source*.
    pub(crate) fn note_hello(&mut self, source: SocketAddr, now: Instant) {
        if let Some(proved) = self.proved.get_mut(&source) {
            proved.since = now;
            proved.sign = Sign::Hello;
        }
    }

    /// Whether *source*, which checks a connection that there is not, has it of the past, and is to be told.
    ///
    /// It stays so until it says hello, or checks with other credentials.
    pub(crate) fn judge(
        &mut self,
        source: SocketAddr,
        credentials: &Arc<Credentials>,
        config: &Config,
        now: Instant,
    ) -> Verdict {
        let proved = self.proved.get_mut(&source);
        let Some(proved) = proved.filter(|it| it.answered && it.credentials.as_ref() == Some(credentials))
        else {
            return Verdict::Welcome;
        };
        let patience = match proved.sign {
            Sign::Nothing => config.hello_timeout,
            Sign::Data => config.past_data_timeout.min(config.hello_timeout),
            Sign::Hello => config.handshake_timeout,
            Sign::Past(_) => Duration::ZERO,
        };
        if now < proved.since + patience {
            return Verdict::Welcome;
        }
        let left = if let Sign::Past(left) = proved.sign { left } else { config.tombstone_answers };
        proved.sign = Sign::Past(left.saturating_sub(1));
        if left > 0 { Verdict::Past } else { Verdict::ToldBefore }
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
            let secret = Sha256Key::new(&self.random.block());
            self.old_secret = std::mem::replace(&mut self.secret, secret);
            self.secret_since = now;
        }
    }
}

fn transaction_id(secret: &Sha256Key, source: SocketAddr) -> TransactionId {
    let port = source.port().to_be_bytes();
    let tag = match source {
        SocketAddr::V4(address) => secret.sign(&[&address.ip().octets(), &port]),
        SocketAddr::V6(address) => secret.sign(&[&address.ip().octets(), &port]),
    };
    std::array::from_fn(|at| tag[at])
}
