//! One connection: the client's checks, DTLS, SCTP, their times and their end.
//!
//! ```text
//!            first answer        certificate fits       association is up
//! CHECKING ───────────────> SECURING ───────────> ASSOCIATING ───────────> CONNECTED ──> CLOSING
//!  (client only)            (DTLS)                (SCTP)                       │ close()     │
//!      └──────────────────────┴───────────────────────┴───────────────────────┴─────────────┴──> CLOSED
//! ```
//! A server's session starts in SECURING: the listener has answered its checks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use crate::association::{Association, ChannelKey};
use crate::config::Config;
use crate::dtls;
pub use crate::event::{Established, Event, Fingerprint, Reason, Stats, Times};
use crate::failure::Failure;
use crate::ice::Checker;
use crate::outbox::Outbox;
use crate::path::Watch;
use crate::random::Random;
use crate::route::Route;
use crate::ufrag::{Credentials, Version};
use crate::wire::Wire;

mod ending;
mod incoming;
mod outgoing;

/// What a client needs beside the `Config`.
#[derive(Debug)]
pub struct ClientParameters {
    /// Whom to dial.
    pub remote: SocketAddr,
    /// Both ends' ICE credentials.
    pub credentials: Credentials,
    /// The server's certificate must have this fingerprint.
    pub fingerprint: Fingerprint,
    /// This end's certificate.
    pub identity: dtls::Identity,
    /// A fresh seed.
    pub seed: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Checking,
    Securing,
    Associating,
    Connected,
    Closing,
    Closed,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    version: Version,
    expected: Option<Fingerprint>,
    /// A client's; boxed, for a listener has many sessions and none of these.
    checker: Option<Box<Checker>>,
    phase: Phase,
    dtls: dtls::Endpoint,
    association: Option<Association>,
    /// For the association.
    seed: u64,
    wire: Wire,
    fingerprint: Fingerprint,
    times: Times,
    step_started: Instant,
    deadline: Instant,
    last_heard: Instant,
    /// When a silent peer may be asked again whether it is there.
    next_question: Instant,
    watch: Watch,
    consumed: u64,
    stalled: bool,
    held: bool,
    now: Instant,
    /// When the goodbye is said again, and which time that is.
    farewell: Option<(Instant, usize)>,
    /// What DTLS found wrong.
    dtls_failure: Option<Failure>,
    failure: Option<Failure>,
    events: VecDeque<Event>,
}

impl Session {
    /// Dial.
    pub fn client(config: Arc<Config>, parameters: ClientParameters, now: Instant) -> Self {
        let ClientParameters { remote, credentials, fingerprint, identity, seed } = parameters;
        let version = credentials.version;
        let mut random = Random::new(seed);
        let of_sctp = random.number();
        let checker = Checker::new(credentials, remote, &config, random, now);
        let dtls = dtls::Endpoint::new(&identity, true, now);
        let mut session = Self::new(config, version, Wire::new(remote.into(), None), dtls, of_sctp, now);
        session.expected = Some(fingerprint);
        session.checker = Some(Box::new(checker));
        session.phase = Phase::Checking;
        session
    }

    /// Serve a client that has shown *version* credentials on *route*.
    ///
    /// An address that is not validated has an *allowance*: how many bytes may still go there. *seed* is for the
    /// numbers that SCTP begins with, which DTLS hides.
    pub fn server(
        config: Arc<Config>,
        version: Version,
        identity: &dtls::Identity,
        route: impl Into<Route>,
        allowance: Option<u64>,
        seed: u64,
        now: Instant,
    ) -> Self {
        let dtls = dtls::Endpoint::new(identity, false, now);
        Self::new(config, version, Wire::new(route.into(), allowance), dtls, seed, now)
    }

    fn new(
        config: Arc<Config>,
        version: Version,
        wire: Wire,
        dtls: dtls::Endpoint,
        seed: u64,
        now: Instant,
    ) -> Self {
        Self {
            version,
            expected: None,
            checker: None,
            phase: Phase::Securing,
            dtls,
            association: None,
            seed,
            wire,
            fingerprint: [0; 32],
            times: Times::default(),
            step_started: now,
            deadline: now + config.handshake_timeout,
            last_heard: now,
            next_question: now,
            watch: Watch::new(config.check_pause),
            consumed: 0,
            stalled: false,
            held: false,
            now,
            farewell: None,
            dtls_failure: None,
            failure: None,
            events: VecDeque::new(),
            config,
        }
    }

    /// The peer's address.
    pub fn remote(&self) -> SocketAddr {
        self.wire.remote
    }

    /// Whether the connection is not up yet.
    pub fn is_handshaking(&self) -> bool {
        self.phase < Phase::Connected
    }

    /// Whether the address of a server's peer still has to prove itself.
    pub fn is_unvalidated(&self) -> bool {
        self.wire.allowance.is_some()
    }

    /// Whether it has ended and its goodbye needs not be said again.
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Closed && self.farewell.is_none()
    }

    /// Why a server's handshake failed, once it has.
    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// Its streams: how many are open, and how many ever were.
    pub fn streams(&self) -> (usize, u64) {
        self.association.as_ref().map_or((0, 0), Association::streams)
    }

    /// Whether it has ended. Events may still wait.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Datagrams to send.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.wire.out
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        let mut stats = self.wire.stats;
        if let Some(association) = &self.association {
            stats.sctp = association.metrics();
            stats.channels = association.channels();
        }
        stats
    }

    /// Datagrams that were kept from an address that is not validated.
    pub fn withheld(&self) -> u64 {
        self.wire.stats.withheld
    }

    /// When `handle_timeout` wants to be called; `None` once finished.
    pub fn timeout(&self) -> Option<Instant> {
        let mut at = match self.phase {
            Phase::Closed => return self.farewell.map(|(at, _)| at),
            Phase::Connected => self.question_time().min(self.last_heard + self.config.silence_timeout),
            Phase::Checking | Phase::Securing | Phase::Associating | Phase::Closing => self.deadline,
        };
        if let Some(checker) = &self.checker {
            at = at.min(checker.timeout());
        }
        at = self.watch.timeout().map_or(at, |watch| at.min(watch));
        if self.phase == Phase::Securing {
            at = self.dtls.timeout().map_or(at, |dtls| at.min(dtls));
        }
        if let Some(sctp) = self.association.as_ref().and_then(Association::timeout) {
            at = at.min(sctp);
        }
        Some(at)
    }

    /// Let time pass: call it when `timeout` is reached, and before the datagrams of a moment; then call `flush`, which
    /// lets it pass for SCTP.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if self.phase == Phase::Closed {
            self.say_farewell();
            return;
        }
        self.check_deadlines(now);
        if self.phase == Phase::Closed {
            return;
        }
        if let Some(checker) = &mut self.checker {
            if self.watch.poll(now) {
                checker.hurry(now);
            }
            if let Some(check) = checker.poll(now) {
                self.wire.send(&check);
            }
        }
        if self.phase > Phase::Checking {
            let result = self.dtls.handle_timeout(now, &mut self.wire);
            self.after_dtls(result, now);
        }
        if let Some(association) = &mut self.association {
            association.set_time(now);
        }
        if self.phase == Phase::Connected && now >= self.question_time() {
            self.next_question = now + self.config.ask_pause;
            if let Some(association) = &mut self.association {
                association.probe();
            }
        }
    }

    /// When to ask whether the peer is there, if nothing is heard until then.
    fn question_time(&self) -> Instant {
        self.next_question.max(self.last_heard + self.config.silence_timeout / 2)
    }

    /// A server's peer has proved to be on *route*, where it may have moved to: ask it there, if nothing is heard
    /// of it. The connection follows once it answers.
    pub fn take_path(&mut self, route: Route, now: Instant) {
        if route.remote == self.wire.remote {
            self.validate();
        } else if self.phase == Phase::Connected
            && now.saturating_duration_since(self.last_heard) >= self.config.quiet
            && let Some(association) = &mut self.association
        {
            association.probe();
            let before = self.wire.route();
            self.wire.take(route);
            self.send_packets(now);
            self.wire.take(before);
        }
    }

    /// A server's peer has proved to be at its address.
    fn validate(&mut self) {
        self.wire.allowance = None;
    }

    /// Send what the last calls made, hand over what may be delivered.
    pub fn flush(&mut self, now: Instant) {
        self.now = now;
        if let Some(association) = &mut self.association {
            // Not before: what waited in the socket may say that nothing is lost.
            association.handle_timeout(now);
        }
        self.handle_association(now);
        self.send_packets(now);
        self.watch_outstanding(now);
        if self.phase == Phase::Closing {
            let drained = self.association.as_ref().is_none_or(Association::is_drained);
            if drained {
                self.end(Reason::Local, "closed by this end".to_owned());
            }
        }
    }

    /// How many bytes of data were delivered as events, ever.
    pub fn delivered(&self) -> u64 {
        self.association.as_ref().map_or(0, Association::delivered)
    }

    /// Say how many delivered bytes were consumed, ever. Call `flush` after it.
    pub fn set_consumed(&mut self, consumed: u64) {
        self.consumed = self.consumed.max(consumed);
    }

    /// Deliver nothing for now, or go on: its reader has more events than it deals with.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Whether data waits for `set_consumed`.
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Open a channel under an even key that was not used before.
    pub fn open_channel(&mut self, key: ChannelKey) {
        match &mut self.association {
            Some(association) if self.phase == Phase::Connected => association.open(key),
            _ => self.events.push_back(Event::ChannelClosed(key)),
        }
    }

    /// Queue messages on a channel.
    pub fn send(&mut self, key: ChannelKey, messages: Vec<Vec<u8>>) {
        if let (Some(association), Phase::Connected) = (&mut self.association, self.phase) {
            association.send(key, messages);
        }
    }

    /// Reset a channel once its queue is empty.
    pub fn close_channel(&mut self, key: ChannelKey) {
        if let Some(association) = &mut self.association {
            association.close(key);
        }
    }

    /// Reset a channel now.
    pub fn reset_channel(&mut self, key: ChannelKey) {
        if let Some(association) = &mut self.association {
            association.reset(key);
        }
    }

    /// End it once the peer has everything, or after `close_timeout`.
    pub fn close(&mut self, now: Instant) {
        match self.phase {
            Phase::Connected => {
                self.phase = Phase::Closing;
                self.deadline = now + self.config.close_timeout;
            }
            Phase::Closing | Phase::Closed => {}
            Phase::Checking | Phase::Securing | Phase::Associating => self.abort(),
        }
    }

    /// End it now.
    pub fn abort(&mut self) {
        self.end(Reason::Local, "closed by this end".to_owned());
    }
}
