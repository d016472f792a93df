//! Clients that really connect, up to a step, and then say nothing more: an attacker who pays for what he does.
//!
//! Each is an engine's client at a source address of its own. What it would send after its step is dropped.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use webrtc_direct_engine::Config;
use webrtc_direct_engine::dtls::Identity;
use webrtc_direct_engine::random::Random;
use webrtc_direct_engine::session::{ClientParameters, Event, Session};
use webrtc_direct_engine::stun;

use crate::messages;
use crate::sources::{Place, Sources};

/// Content type of encrypted data in a DTLS record (RFC 6347 section 4.1), in which SCTP is.
const APPLICATION_DATA: u8 = 23;
/// Clients at a time: the oldest is forgotten.
const MOST: usize = 4096;
/// Times are looked at so often.
const TICK: Duration = Duration::from_millis(20);

/// After what a client falls silent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// DTLS.
    Dtls,
    /// The INIT of SCTP.
    Init,
    /// SCTP: it never answers in Noise. It goes on to answer whether it is there.
    Sctp,
}

impl Step {
    /// Datagrams with encrypted data that still leave.
    fn data_datagrams(self) -> usize {
        match self {
            Self::Dtls => 0,
            Self::Init => 1,
            Self::Sctp => usize::MAX,
        }
    }
}

/// What a client needs beside its address.
pub(crate) struct Parameters {
    pub(crate) identity: Identity,
    pub(crate) fingerprint: [u8; 32],
}

struct Client {
    session: Session,
    left: usize,
}

/// The clients that there are.
pub(crate) struct Clients {
    target: SocketAddr,
    step: Step,
    parameters: Parameters,
    config: Arc<Config>,
    random: Random,
    clients: HashMap<Place, Client>,
    order: VecDeque<Place>,
    ticked: Instant,
    /// How many were up.
    pub(crate) connected: u64,
}

impl Clients {
    pub(crate) fn new(target: SocketAddr, step: Step, parameters: Parameters) -> Self {
        Self {
            target,
            step,
            parameters,
            config: Arc::new(Config::default()),
            random: Random::new([9; 32]),
            clients: HashMap::new(),
            order: VecDeque::new(),
            ticked: Instant::now(),
            connected: 0,
        }
    }

    /// One more, at *place*.
    pub(crate) fn begin(&mut self, place: Place, sources: &mut Sources, now: Instant) {
        if self.clients.contains_key(&place) {
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.clients.remove(&oldest);
        }
        let parameters = ClientParameters {
            remote: self.target,
            credentials: messages::credentials(self.random.number().is_multiple_of(2), &mut self.random),
            fingerprint: self.parameters.fingerprint,
            identity: self.parameters.identity.clone(),
            seed: self.random.block(),
        };
        let mut session = Session::client(Arc::clone(&self.config), parameters, now);
        session.handle_timeout(now);
        self.order.push_back(place);
        self.clients.insert(place, Client { session, left: self.step.data_datagrams() });
        self.flush(place, sources, now);
    }

    /// Take what has come, and let time pass. Returns how many datagrams came.
    pub(crate) fn work(&mut self, sources: &mut Sources, now: Instant) -> io::Result<u64> {
        let mut due = Vec::new();
        let mut proved = Vec::new();
        let clients = &mut self.clients;
        let (target, count) = (self.target, &mut 0);
        *count = sources.receive(|place, datagram| {
            if let Some(client) = clients.get_mut(&place) {
                if stun::looks_like_stun(datagram) {
                    proved.push(place);
                }
                client.session.handle_datagram_untrusted(target, datagram, now);
                due.push(place);
            }
        })?;
        if now >= self.ticked + TICK {
            self.ticked = now;
            for (place, client) in &mut self.clients {
                if client.session.timeout().is_some_and(|at| at <= now) {
                    client.session.handle_timeout(now);
                    due.push(*place);
                }
            }
        }
        for place in proved {
            sources.prove(place);
        }
        for place in due {
            self.flush(place, sources, now);
        }
        Ok(*count)
    }

    fn flush(&mut self, place: Place, sources: &mut Sources, now: Instant) {
        let Some(Client { session, left }) = self.clients.get_mut(&place) else { return };
        session.flush(now);
        while let Some(event) = session.poll_event() {
            self.connected += u64::from(matches!(event, Event::Connected(_)));
        }
        while let Some(batch) = session.outbox().batch(1, usize::MAX) {
            let is_data = batch.contents.first() == Some(&APPLICATION_DATA);
            if !is_data || *left > 0 {
                sources.send(place, batch.contents, batch.contents.len());
            }
            *left = left.saturating_sub(usize::from(is_data));
            session.outbox().advance(1);
        }
        if session.is_closed() {
            self.clients.remove(&place);
            self.order.retain(|each| *each != place);
        }
    }
}
