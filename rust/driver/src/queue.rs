//! Events on their way from the engine's thread to a caller's, and the descriptor that tells of them.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use webrtc_direct_engine::association::ChannelKey;
use webrtc_direct_engine::failure::{Failed, Failure};
use webrtc_direct_engine::listener::Refusal;
use webrtc_direct_engine::session::{Established, Event};

use crate::handle::Connection;

/// With more events waiting, their connections deliver nothing.
const MAX_BEHIND: usize = 8192;

/// The process is about to end, and hears of nothing any more.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Hand out nothing from now on: threads that go on while an interpreter ends would make errors of it.
pub(crate) fn silence() {
    SILENT.store(true, Ordering::SeqCst);
}

/// What a queue hands out.
#[derive(Debug)]
pub enum QueueEvent {
    /// A listener's new connection.
    Accepted(Connection, Established),
    /// An event of a connection, by its id.
    Session(u64, Event),
    /// A limit of a listener has refused connections, so many since it was last told.
    Refused(Refusal, u64),
    /// Handshakes of a listener have failed for one reason: the last of them, and how many since it was last told.
    Failed(Failure, Failed),
    /// A listener has ended: its peers are told and its socket is free.
    ListenerClosed,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<QueueEvent>,
    /// A byte is in the socket pair.
    signaled: bool,
    closed: bool,
}

/// The engine's end of a queue.
#[derive(Debug)]
pub(crate) struct Sender {
    state: Mutex<State>,
    wake: UnixStream,
    process: u32,
}

/// The caller's end of a queue. Wait until `descriptor` is readable, then `take`.
#[derive(Debug)]
pub struct EventQueue {
    sender: Arc<Sender>,
    wake: UnixStream,
}

impl EventQueue {
    /// An empty queue.
    ///
    /// # Errors
    /// Where the system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let sender = Arc::new(Sender { state: Mutex::default(), wake: theirs, process: std::process::id() });
        Ok(Self { sender, wake: ours })
    }

    /// Readable while events wait.
    pub fn descriptor(&self) -> RawFd {
        self.wake.as_raw_fd()
    }

    /// Take up to *most* events.
    pub fn take(&self, most: usize) -> VecDeque<QueueEvent> {
        if !self.sender.is_here() {
            return VecDeque::new();
        }
        let mut state = self.sender.lock();
        let rest = if state.events.len() > most { state.events.split_off(most) } else { VecDeque::new() };
        let events = std::mem::replace(&mut state.events, rest);
        if state.events.is_empty() && state.signaled {
            state.signaled = false;
            // One byte is there, by `signaled`.
            let _ = (&self.wake).read(&mut [0; 8]);
        }
        events
    }

    pub(crate) fn sender(&self) -> Arc<Sender> {
        Arc::clone(&self.sender)
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        if !self.sender.is_here() {
            return;
        }
        let events = {
            let mut state = self.sender.lock();
            state.closed = true;
            std::mem::take(&mut state.events)
        };
        // Outside of the lock: a connection among them says goodbye.
        drop(events);
    }
}

impl Sender {
    /// Whether this is the process that made it. In a forked child the engine's thread is not there, and may
    /// have held the lock at that moment.
    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the reader has more events than it deals with.
    pub(crate) fn is_behind(&self) -> bool {
        self.lock().events.len() > MAX_BEHIND
    }

    /// Append events, joining data of one channel, and wake the caller.
    pub(crate) fn push(&self, events: &mut Vec<QueueEvent>) {
        if events.is_empty() {
            return;
        }
        let mut state = self.lock();
        if state.closed || SILENT.load(Ordering::SeqCst) {
            drop(state);
            events.clear();
            return;
        }
        for event in events.drain(..) {
            if let Some(event) = join(state.events.back_mut(), event) {
                state.events.push_back(event);
            }
        }
        if !state.signaled {
            state.signaled = true;
            // It can only fail when the other end is gone, or a byte is there already.
            let _ = (&self.wake).write(&[1]);
        }
    }
}

/// Data that is joined up to here costs its reader one event.
const JOIN_LIMIT: usize = 256 * 1024;

fn join(last: Option<&mut QueueEvent>, event: QueueEvent) -> Option<QueueEvent> {
    let QueueEvent::Session(id, Event::Data(key, data)) = event else {
        return Some(event);
    };
    match last {
        Some(QueueEvent::Session(last_id, Event::Data(last_key, joined)))
            if same(*last_id, *last_key, id, key) && joined.len() + data.len() <= JOIN_LIMIT =>
        {
            joined.extend_from_slice(&data);
            None
        }
        _ => Some(QueueEvent::Session(id, Event::Data(key, data))),
    }
}

fn same(last_id: u64, last_key: ChannelKey, id: u64, key: ChannelKey) -> bool {
    last_id == id && last_key == key
}
