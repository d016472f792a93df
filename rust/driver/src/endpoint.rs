//! A UDP socket and what speaks on it: one dialed connection, or a listener with its connections.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use webrtc_direct_engine::listener::{Listener, SessionId};
use webrtc_direct_engine::session::{Event, Reason, Session};

use crate::crowd::Crowd;
use crate::handle::{Connection, Engine, ListenerState, ListenerView, Mailbox, Shared};
use crate::queue::{QueueEvent, Sender};
use crate::socket::{Port, ReceiveBuffer};

/// A socket that always has something must let the others have their turn.
const RECEIVES_PER_TURN: usize = 16;
/// A listener tells of what it refuses no more often than this.
const REFUSAL_PAUSE: Duration = Duration::from_secs(5);
/// The same for handshakes that fail.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// The only connection of a dialing socket.
pub(crate) const DIALED: SessionId = 0;

/// What speaks on the socket.
pub(crate) enum Speaker {
    /// A dialed connection.
    Session(Box<Session>),
    /// A listener; its connections keep the engine that this names.
    Listener(Box<Listener>, Weak<Engine>),
}

/// A connection as both threads see it.
struct Handle {
    id: u64,
    shared: Arc<Shared>,
}

/// The socket and its speaker.
pub(crate) struct Endpoint {
    pub(crate) id: u64,
    speaker: Speaker,
    pub(crate) port: Port,
    sender: Arc<Sender>,
    handles: HashMap<SessionId, Handle>,
    events: Vec<QueueEvent>,
    /// Connections that came or went: id, and its session or nothing.
    pub(crate) changes: Vec<(u64, Option<SessionId>)>,
    pub(crate) closing: bool,
    /// What a listener's holder sees of it.
    view: Option<Arc<ListenerView>>,
    refusal_told: Option<Instant>,
    failure_told: Option<Instant>,
    crowd: Crowd,
}

impl Endpoint {
    pub(crate) fn new(id: u64, speaker: Speaker, port: Port, sender: Arc<Sender>) -> Self {
        Self {
            id,
            speaker,
            port,
            sender,
            handles: HashMap::new(),
            events: Vec::new(),
            changes: Vec::new(),
            closing: false,
            view: None,
            refusal_told: None,
            failure_told: None,
            crowd: Crowd::default(),
        }
    }

    pub(crate) fn set_view(&mut self, view: Arc<ListenerView>) {
        self.view = Some(view);
    }

    pub(crate) fn add(&mut self, session: SessionId, id: u64, shared: Arc<Shared>) {
        self.handles.insert(session, Handle { id, shared });
        self.changes.push((id, Some(session)));
    }

    pub(crate) fn timeout(&self) -> Option<Instant> {
        match &self.speaker {
            Speaker::Session(session) => session.timeout(),
            Speaker::Listener(listener, _) => listener.timeout(),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.speaker {
            Speaker::Session(session) => session.handle_timeout(now),
            Speaker::Listener(listener, _) => listener.handle_timeout(now),
        }
    }

    /// Receive what waits, as much as one turn allows.
    pub(crate) fn receive(&mut self, buffer: &mut ReceiveBuffer, now: Instant) {
        match &mut self.speaker {
            Speaker::Session(session) => session.handle_timeout(now),
            Speaker::Listener(listener, _) => listener.set_strangers(self.crowd.limit()),
        }
        for _ in 0..RECEIVES_PER_TURN {
            if !self.port.readable {
                break;
            }
            let speaker = &mut self.speaker;
            self.port.receive(buffer, |route, run, size| match speaker {
                Speaker::Session(session) => {
                    session.expect_train(run.len().div_ceil(size));
                    for datagram in run.chunks(size) {
                        session.handle_datagram_untrusted(route, datagram, now);
                    }
                }
                Speaker::Listener(listener, _) => listener.handle_run_untrusted(route, run, size, now),
            });
        }
        self.crowd.end_turn(self.port.readable);
    }

    /// Do something with a connection.
    pub(crate) fn with_session(
        &mut self,
        session: SessionId,
        now: Instant,
        action: impl FnOnce(&mut Session),
    ) {
        match &mut self.speaker {
            Speaker::Session(session) => action(session),
            Speaker::Listener(listener, _) => {
                listener.with_session(session, now, action);
            }
        }
    }

    /// The peer of a connection is authenticated.
    pub(crate) fn authenticated(&mut self, session: SessionId) {
        if let Speaker::Listener(listener, _) = &mut self.speaker {
            listener.authenticated(session);
        }
    }

    /// Abort everything; nothing more is taken.
    pub(crate) fn close(&mut self, now: Instant) {
        self.closing = true;
        match &mut self.speaker {
            Speaker::Session(session) => session.abort(),
            Speaker::Listener(listener, _) => {
                for id in listener.ids() {
                    listener.with_session(id, now, Session::abort);
                }
            }
        }
    }

    /// After any work: send, hand over events, take note of what the readers have consumed.
    ///
    /// Returns whether the endpoint has ended.
    pub(crate) fn flush(&mut self, mailbox: &Mailbox, now: Instant) -> bool {
        let mut touched = self.settle(mailbox, now);
        // They may have read while this thread decided that they had not.
        touched.retain(|session| self.handles.get(session).is_some_and(|handle| handle.shared.may_resume()));
        if !touched.is_empty() {
            for session in touched {
                self.resume(session, now);
            }
            self.settle(mailbox, now);
        }
        let ended = match &self.speaker {
            Speaker::Session(session) => session.is_finished(),
            Speaker::Listener(listener, _) => self.closing && listener.is_empty(),
        };
        // The readers first: they can begin while this thread is still sending.
        self.sender.push(&mut self.events);
        match &mut self.speaker {
            Speaker::Session(session) => self.port.send(session.outbox()),
            Speaker::Listener(listener, _) => self.port.send(listener.outbox()),
        }
        ended
    }

    /// Tell a connection what its reader has consumed.
    pub(crate) fn resume(&mut self, session: SessionId, now: Instant) {
        let Some(handle) = self.handles.get(&session) else {
            return;
        };
        let consumed = handle.shared.consumed.load(Ordering::SeqCst);
        self.with_session(session, now, |session| session.set_consumed(consumed));
    }

    /// Say that everything here has ended by a fault of the engine.
    pub(crate) fn fail(&mut self) {
        for (_, handle) in self.handles.drain() {
            let detail = "a fault of the engine; please report it".to_owned();
            let closed = Event::Closed(Reason::Fault, detail);
            self.events.push(QueueEvent::Session(handle.id, closed));
            self.changes.push((handle.id, None));
        }
        self.sender.push(&mut self.events);
    }

    /// Free the socket, and only then say that the listener has ended: its port can be bound again.
    pub(crate) fn finish(self) {
        let Self { speaker, port, sender, .. } = self;
        drop(port);
        if matches!(speaker, Speaker::Listener(..)) {
            sender.push(&mut vec![QueueEvent::ListenerClosed]);
        }
    }

    /// Let the connections that were at work act on it, and collect their events.
    fn settle(&mut self, mailbox: &Mailbox, now: Instant) -> Vec<SessionId> {
        let touched = match &self.speaker {
            Speaker::Session(_) => vec![DIALED],
            Speaker::Listener(listener, _) => listener.touched().to_vec(),
        };
        for session in &touched {
            self.resume(*session, now);
            let held = self.handles.get(session).is_some_and(|handle| {
                handle.shared.paused.load(Ordering::SeqCst) || self.sender.is_behind(handle.id)
            });
            self.with_session(*session, now, |session| session.hold(held));
        }
        match &mut self.speaker {
            Speaker::Session(session) => {
                session.flush(now);
                while let Some(event) = session.poll_event() {
                    note(&mut self.handles, &mut self.changes, &mut self.events, DIALED, event);
                }
            }
            Speaker::Listener(listener, engine) => {
                listener.flush(now);
                while let Some((session, event)) = listener.poll_event() {
                    if let Event::Connected(established) = event {
                        // Without an engine nobody is left to take it.
                        let Some(engine) = engine.upgrade() else {
                            continue;
                        };
                        let id = mailbox.new_id();
                        let shared = Arc::new(Shared::new(listener.unread_bytes()));
                        let connection = Connection::new(id, engine, Arc::clone(&shared));
                        self.handles.insert(session, Handle { id, shared });
                        self.changes.push((id, Some(session)));
                        self.events.push(QueueEvent::Accepted(connection, established));
                    } else {
                        note(&mut self.handles, &mut self.changes, &mut self.events, session, event);
                    }
                }
            }
        }
        for session in &touched {
            self.publish(*session);
        }
        self.publish_listener(now);
        touched
    }

    /// Let a listener's holder see how it stands, and tell of what it refuses and of what fails.
    fn publish_listener(&mut self, now: Instant) {
        let (Speaker::Listener(listener, _), Some(view)) = (&mut self.speaker, &self.view) else { return };
        let counters = listener.counters();
        let state =
            ListenerState { counters, connections: listener.len(), handshakes: listener.handshakes() };
        *view.lock().unwrap_or_else(PoisonError::into_inner) = state;
        let may_tell = self.refusal_told.is_none_or(|told| now >= told + REFUSAL_PAUSE);
        if may_tell {
            for (refusal, count) in listener.take_refusals() {
                self.refusal_told = Some(now);
                self.events.push(QueueEvent::Refused(refusal, count));
            }
        }
        if self.failure_told.is_none_or(|told| now >= told + FAILURE_PAUSE) {
            for (failure, failed) in listener.take_failures() {
                self.failure_told = Some(now);
                self.events.push(QueueEvent::Failed(failure, failed));
            }
        }
    }

    /// Let the caller's thread see how a connection stands.
    fn publish(&self, session: SessionId) {
        let Some(handle) = self.handles.get(&session) else {
            return;
        };
        let session = match &self.speaker {
            Speaker::Session(session) => Some(&**session),
            Speaker::Listener(listener, _) => listener.session(session),
        };
        let Some(session) = session else { return };
        handle.shared.delivered.store(session.delivered(), Ordering::SeqCst);
        handle.shared.stalled.store(session.is_stalled(), Ordering::SeqCst);
        *handle.shared.stats.lock().unwrap_or_else(PoisonError::into_inner) = session.stats();
    }
}

fn note(
    handles: &mut HashMap<SessionId, Handle>,
    changes: &mut Vec<(u64, Option<SessionId>)>,
    events: &mut Vec<QueueEvent>,
    session: SessionId,
    event: Event,
) {
    let Some(handle) = handles.get(&session) else {
        return;
    };
    let id = handle.id;
    if matches!(event, Event::Closed(..)) {
        changes.push((id, None));
        handles.remove(&session);
    }
    events.push(QueueEvent::Session(id, event));
}
