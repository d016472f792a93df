//! The engine's thread: waits for datagrams, commands and times, and lets the endpoints work.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use webrtc_direct_engine::listener::{Listener, SessionId};
use webrtc_direct_engine::session::{ClientParameters, Event, Reason, Session};

use crate::endpoint::{DIALED, Endpoint, Speaker};
use crate::handle::{Command, Mailbox};
use crate::queue::QueueEvent;
use crate::socket::{Port, ReceiveBuffer};

const WAKER: Token = Token(0);
const MAX_EVENTS: usize = 256;
/// After the last handle is gone, goodbyes have so long to leave.
const LINGER: Duration = Duration::from_secs(1);

/// When no connection has ended for this long, the memory of those that have is given back to the system;
/// where they keep ending, it is so after the second of these.
const TRIM_DELAY: Duration = Duration::from_secs(1);
const TRIM_LATEST: Duration = Duration::from_secs(10);

/// Everything that the thread owns.
pub(crate) struct Reactor {
    poll: Poll,
    mailbox: Arc<Mailbox>,
    endpoints: HashMap<Token, Endpoint>,
    /// Where each connection is, by its id, and each listener, by its own.
    places: HashMap<u64, (Token, SessionId)>,
    next_token: usize,
    buffer: ReceiveBuffer,
    dirty: Vec<Token>,
    ending_since: Option<Instant>,
    /// Who waits for the end of everything; dropped after the next work.
    aborting: Vec<mpsc::Sender<()>>,
    trim: fn(),
    trim_at: Option<Instant>,
    trim_since: Option<Instant>,
}

impl Reactor {
    /// Start the thread.
    pub(crate) fn start(trim: fn()) -> io::Result<Arc<Mailbox>> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let mailbox = Arc::new(Mailbox::new(waker));
        let theirs = Arc::clone(&mailbox);
        let run = move || {
            let mut reactor = Self {
                poll,
                mailbox: theirs,
                endpoints: HashMap::new(),
                places: HashMap::new(),
                next_token: 1,
                buffer: ReceiveBuffer::default(),
                dirty: Vec::new(),
                ending_since: None,
                aborting: Vec::new(),
                trim,
                trim_at: None,
                trim_since: None,
            };
            reactor.run();
        };
        thread::Builder::new().name("webrtc-direct".to_owned()).spawn(run)?;
        Ok(mailbox)
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(MAX_EVENTS);
        loop {
            let wait = self.wait(Instant::now());
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    log::error!("the engine cannot wait for its sockets: {error}");
                    return;
                }
            }
            for event in &events {
                if let Some(endpoint) = self.endpoints.get_mut(&event.token()) {
                    endpoint.port.readable |= event.is_readable() || event.is_error();
                    endpoint.port.writable |= event.is_writable();
                    self.dirty.push(event.token());
                }
            }
            let now = Instant::now();
            for command in self.mailbox.take() {
                self.execute(command, now);
            }
            self.work(now);
            self.aborting.clear();
            if self.trim_at.is_some_and(|at| now >= at) {
                self.trim_at = None;
                self.trim_since = None;
                (self.trim)();
            }
            if self.has_ended(now) {
                (self.trim)();
                return;
            }
        }
    }

    /// How long nothing is to be done; `None` until something comes.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let linger = self.ending_since.map(|since| since + LINGER);
        let mut next = [linger, self.trim_at].into_iter().flatten().min();
        for endpoint in self.endpoints.values() {
            if endpoint.port.readable {
                return Some(Duration::ZERO);
            }
            next = match (next, endpoint.timeout()) {
                (Some(next), Some(at)) => Some(next.min(at)),
                (next, at) => next.or(at),
            };
        }
        next.map(|at| at.saturating_duration_since(now))
    }

    fn work(&mut self, now: Instant) {
        let mut tokens = std::mem::take(&mut self.dirty);
        for (token, endpoint) in &self.endpoints {
            if endpoint.port.readable || endpoint.timeout().is_some_and(|at| at <= now) {
                tokens.push(*token);
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        for token in tokens.drain(..) {
            let Some(endpoint) = self.endpoints.get_mut(&token) else {
                continue;
            };
            let (buffer, mailbox) = (&mut self.buffer, &self.mailbox);
            let worked = catch_unwind(AssertUnwindSafe(|| {
                if endpoint.port.readable {
                    endpoint.receive(buffer, now);
                }
                endpoint.handle_timeout(now);
                endpoint.flush(mailbox, now)
            }));
            // A fault of ours costs what is on this socket, not the others.
            let ended = worked.unwrap_or_else(|_| {
                endpoint.fail();
                true
            });
            for (id, session) in std::mem::take(&mut endpoint.changes) {
                match session {
                    Some(session) => self.places.insert(id, (token, session)),
                    None => {
                        let since = *self.trim_since.get_or_insert(now);
                        self.trim_at = Some((now + TRIM_DELAY).min(since + TRIM_LATEST));
                        self.places.remove(&id)
                    }
                };
            }
            if ended {
                self.remove(token);
            }
        }
        self.dirty = tokens;
    }

    fn remove(&mut self, token: Token) {
        if let Some(mut endpoint) = self.endpoints.remove(&token) {
            endpoint.port.deregister(self.poll.registry());
            self.places.remove(&endpoint.id);
            endpoint.finish();
        }
    }

    fn has_ended(&mut self, now: Instant) -> bool {
        if !self.mailbox.ending.load(Ordering::SeqCst) {
            return false;
        }
        let since = *self.ending_since.get_or_insert(now);
        self.endpoints.is_empty() || now >= since + LINGER
    }

    fn execute(&mut self, command: Command, now: Instant) {
        match command {
            Command::Dial(id, parameters, socket, shared, sender) => {
                let client = ClientParameters {
                    remote: parameters.remote,
                    credentials: parameters.credentials,
                    fingerprint: parameters.fingerprint,
                    identity: parameters.identity,
                    seed: seed(),
                };
                let session = Session::client(Arc::new(parameters.config), client, now);
                let speaker = Speaker::Session(Box::new(session));
                match self.add(id, speaker, socket, &sender) {
                    Ok(endpoint) => endpoint.add(DIALED, id, shared),
                    Err(error) => {
                        let closed = Event::Closed(Reason::Fault, format!("UDP socket: {error}"));
                        sender.push(&mut vec![QueueEvent::Session(id, closed)]);
                    }
                }
            }
            Command::Listen(id, parameters, socket, sender, engine, view) => {
                let config = Arc::new(parameters.config);
                let listener = Listener::new(config, parameters.identity, seed(), now);
                let speaker = Speaker::Listener(Box::new(listener), engine);
                match self.add(id, speaker, socket, &sender) {
                    Ok(endpoint) => endpoint.set_view(view),
                    Err(error) => {
                        log::error!("listening: {error}");
                        sender.push(&mut vec![QueueEvent::ListenerClosed]);
                    }
                }
            }
            Command::CloseListener(id) => {
                let token = self.places.get(&id).map(|(token, _)| *token);
                let endpoint = token.and_then(|token| self.endpoints.get_mut(&token));
                if let Some(endpoint) = endpoint {
                    endpoint.close(now);
                    self.dirty.extend(token);
                }
            }
            Command::OpenChannel(id, key) => self.with(id, now, |session| session.open_channel(key)),
            Command::Send(id, key, messages) => {
                self.with(id, now, |session| session.send(key, messages));
            }
            Command::CloseChannel(id, key) => self.with(id, now, |session| session.close_channel(key)),
            Command::ResetChannel(id, key) => self.with(id, now, |session| session.reset_channel(key)),
            // The endpoint looks for itself what was consumed.
            Command::Resume(id) => self.with(id, now, |_| ()),
            Command::Close(id) => self.with(id, now, |session| session.close(now)),
            Command::Abort(id) => self.with(id, now, Session::abort),
            Command::Authenticated(id) => {
                if let Some((token, session)) = self.places.get(&id).copied()
                    && let Some(endpoint) = self.endpoints.get_mut(&token)
                {
                    endpoint.authenticated(session);
                }
            }
            Command::AbortAll(told) => {
                for (token, endpoint) in &mut self.endpoints {
                    endpoint.close(now);
                    self.dirty.push(*token);
                }
                self.aborting.push(told);
            }
        }
    }

    fn with(&mut self, id: u64, now: Instant, action: impl FnOnce(&mut Session)) {
        let Some((token, session)) = self.places.get(&id).copied() else {
            return;
        };
        if let Some(endpoint) = self.endpoints.get_mut(&token) {
            let action = AssertUnwindSafe(|| endpoint.with_session(session, now, action));
            if catch_unwind(action).is_err() {
                endpoint.fail();
                self.remove(token);
            }
            self.dirty.push(token);
        }
    }

    fn add(
        &mut self,
        id: u64,
        speaker: Speaker,
        socket: std::net::UdpSocket,
        sender: &Arc<crate::queue::Sender>,
    ) -> io::Result<&mut Endpoint> {
        let token = Token(self.next_token);
        self.next_token += 1;
        let port = Port::new(socket, self.poll.registry(), token)?;
        self.places.insert(id, (token, DIALED));
        self.dirty.push(token);
        let endpoint = Endpoint::new(id, speaker, port, Arc::clone(sender));
        Ok(self.endpoints.entry(token).or_insert(endpoint))
    }
}

fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    // The system's source; a failure of it would have failed the certificate before.
    if aws_lc_rs::rand::fill(&mut seed).is_err() {
        log::error!("the system gives no randomness");
        std::process::abort();
    }
    seed
}
