//! Events on their way from the engine's thread to a caller's, and the descriptor that tells of them.
//!
//! The connections of a queue take turns, an event each, so that one whose peer makes much work delays itself and not
//! the others. One that had nothing comes before those that had, as in FQ-CoDel (RFC 8290 section 4.1.2).
//!
//! A channel that the peer opens and resets while all of it waits is not handed out, only counted. So a flood of these
//! makes the less work the further the reader is behind.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use webrtc_direct_engine::association::ChannelKey;
use webrtc_direct_engine::failure::{Failed, Failure};
use webrtc_direct_engine::listener::Refusal;
use webrtc_direct_engine::session::{Established, Event};

use crate::frames;
use crate::handle::Connection;

/// A connection of which more events wait delivers nothing.
const MAX_BEHIND: usize = 256;

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
    /// So many channels of a connection, by its id, were opened and reset by the peer before anything was handed out of
    /// them, and so many bytes of theirs were delivered.
    Discarded(u64, u64, u64),
    /// A limit of a listener has refused connections, so many since it was last told.
    Refused(Refusal, u64),
    /// Handshakes of a listener have failed for one reason: the last of them, and how many since it was last told.
    Failed(Failure, Failed),
    /// A listener has ended: its peers are told and its socket is free.
    ListenerClosed,
}

/// What waits of one connection.
#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// Channels that came and went meanwhile, and the bytes of them.
    discarded: (u64, u64),
}

impl Waiting {
    /// Append an event. By how many more or fewer it makes those that wait.
    fn push(&mut self, event: Event) -> isize {
        let before = self.len();
        match event {
            Event::ChannelClosed(key) if self.was_in_vain(key) => self.discard(key),
            event => {
                if let Some(event) = join(self.events.back_mut(), event) {
                    self.events.push_back(event);
                }
            }
        }
        self.len().wrapping_sub(before).cast_signed()
    }

    fn pop(&mut self, id: u64) -> Option<QueueEvent> {
        if self.discarded.0 > 0 {
            let (channels, bytes) = std::mem::take(&mut self.discarded);
            return Some(QueueEvent::Discarded(id, channels, bytes));
        }
        self.events.pop_front().map(|event| QueueEvent::Session(id, event))
    }

    fn len(&self) -> usize {
        self.events.len() + usize::from(self.discarded.0 > 0)
    }

    /// Whether all of a channel waits here, and the last that the peer said on it is that all of it is void.
    fn was_in_vain(&self, key: ChannelKey) -> bool {
        let opened = |event: &Event| matches!(event, Event::Opened(of) if *of == key);
        let Some(opened) = self.events.iter().position(opened) else { return false };
        let data = self.events.range(opened..).filter_map(|event| match event {
            Event::Data(of, data) if *of == key => Some(&data[..]),
            _ => None,
        });
        frames::end_in_reset_untrusted(data)
    }

    fn discard(&mut self, key: ChannelKey) {
        self.discarded.0 += 1;
        let bytes = &mut self.discarded.1;
        self.events.retain(|event| match event {
            Event::Opened(of) => *of != key,
            Event::Data(of, data) if *of == key => {
                *bytes += data.len() as u64;
                false
            }
            _ => true,
        });
    }
}

#[derive(Debug, Default)]
struct State {
    /// What the listener itself has to say.
    own: VecDeque<QueueEvent>,
    /// What waits of each connection that has a turn.
    waiting: HashMap<u64, Waiting>,
    /// Connections whose turn comes next: they had nothing before.
    fresh: VecDeque<u64>,
    /// The other ones. Who has nothing left keeps its place for a round, and so is not fresh in each.
    turns: VecDeque<u64>,
    /// How many events wait, of all.
    count: usize,
    /// A byte is in the socket pair.
    signaled: bool,
    closed: bool,
}

impl State {
    fn push(&mut self, event: QueueEvent) {
        match event {
            QueueEvent::Session(id, event) => {
                let waiting = self.waiting.entry(id).or_insert_with(|| {
                    self.fresh.push_back(id);
                    Waiting::default()
                });
                self.count = self.count.saturating_add_signed(waiting.push(event));
            }
            own => {
                self.own.push_back(own);
                self.count += 1;
            }
        }
    }

    /// The next event: a connection is accepted before anything else of it, and a listener closed after all else.
    fn pop(&mut self) -> Option<QueueEvent> {
        self.count = self.count.checked_sub(1)?;
        if !matches!(self.own.front(), None | Some(QueueEvent::ListenerClosed)) {
            return self.own.pop_front();
        }
        while let Some(id) = self.fresh.pop_front().or_else(|| self.turns.pop_front()) {
            if let Some(event) = self.waiting.get_mut(&id).and_then(|waiting| waiting.pop(id)) {
                self.turns.push_back(id);
                return Some(event);
            }
            self.waiting.remove(&id);
        }
        self.own.pop_front()
    }
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
        let mut events = VecDeque::new();
        while events.len() < most
            && let Some(event) = state.pop()
        {
            events.push_back(event);
        }
        if state.signaled && state.count == 0 {
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
            (std::mem::take(&mut state.own), std::mem::take(&mut state.waiting))
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

    /// Whether the reader has more events of this connection than it deals with.
    pub(crate) fn is_behind(&self, id: u64) -> bool {
        self.lock().waiting.get(&id).is_some_and(|waiting| waiting.len() > MAX_BEHIND)
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
            state.push(event);
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

fn join(last: Option<&mut Event>, event: Event) -> Option<Event> {
    match (last, event) {
        (Some(Event::Data(last_key, joined)), Event::Data(key, data))
            if *last_key == key && joined.len() + data.len() <= JOIN_LIMIT =>
        {
            joined.extend_from_slice(&data);
            None
        }
        (_, event) => Some(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(id: u64, keys: std::ops::Range<u64>) -> Vec<QueueEvent> {
        keys.map(|key| QueueEvent::Session(id, Event::Opened(key))).collect()
    }

    fn taken(queue: &EventQueue, most: usize) -> Vec<(u64, u64)> {
        let numbers = |event| match event {
            QueueEvent::Session(id, Event::Opened(key)) => (id, key),
            _ => (u64::MAX, 0),
        };
        queue.take(most).into_iter().map(numbers).collect()
    }

    #[test]
    fn connections_take_turns_and_one_that_had_nothing_comes_first() {
        let queue = EventQueue::new().unwrap();
        let sender = queue.sender();
        sender.push(&mut opened(1, 0..1000));
        sender.push(&mut opened(2, 0..1000));
        assert_eq!(taken(&queue, 5), [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2)]);
        sender.push(&mut opened(3, 0..2));
        // Its second event has to wait for its turn.
        assert_eq!(taken(&queue, 5), [(3, 0), (2, 2), (1, 3), (3, 1), (2, 3)]);
        sender.push(&mut opened(3, 2..3));
        assert_eq!(taken(&queue, 3), [(1, 4), (3, 2), (2, 4)]);
        // Who had nothing in a whole round is as a newcomer.
        taken(&queue, 4);
        sender.push(&mut opened(3, 3..4));
        assert_eq!(taken(&queue, 1), [(3, 3)]);
    }

    #[test]
    fn a_connection_of_which_much_waits_is_behind_alone() {
        let queue = EventQueue::new().unwrap();
        let sender = queue.sender();
        sender.push(&mut opened(1, 0..MAX_BEHIND as u64 + 1));
        sender.push(&mut opened(2, 0..1));
        assert!(sender.is_behind(1));
        assert!(!sender.is_behind(2));
        assert_eq!(taken(&queue, usize::MAX).len(), MAX_BEHIND + 2);
        assert!(!sender.is_behind(1));
    }

    fn reset(key: u64) -> Vec<QueueEvent> {
        // A frame of data, and one with the flag alone.
        let data = [3, 0x12, 1, b'a', 2, 8, 2].to_vec();
        let events = [Event::Opened(key), Event::Data(key, data), Event::ChannelClosed(key)];
        events.into_iter().map(|event| QueueEvent::Session(1, event)).collect()
    }

    #[test]
    fn what_the_peer_opens_and_resets_while_it_waits_is_only_counted() {
        let queue = EventQueue::new().unwrap();
        let sender = queue.sender();
        for key in 0..3 * MAX_BEHIND as u64 {
            sender.push(&mut reset(key));
        }
        sender.push(&mut opened(1, 1000..1001));
        assert!(!sender.is_behind(1));
        let events = queue.take(9);
        let count = 3 * MAX_BEHIND as u64;
        let expected = (1, count, 7 * count);
        assert!(
            matches!(events[0], QueueEvent::Discarded(id, channels, bytes) if (id, channels, bytes) == expected)
        );
        assert!(matches!(events[1], QueueEvent::Session(1, Event::Opened(1000))));
        assert_eq!(events.len(), 2);
        // Nothing is left that would wake the reader.
        assert!(queue.take(9).is_empty());
        assert!(!sender.lock().signaled);
    }

    #[test]
    fn what_is_not_void_is_handed_out_whole() {
        let queue = EventQueue::new().unwrap();
        let sender = queue.sender();
        // The reader has the first part of it.
        let mut events = reset(1);
        sender.push(&mut events.drain(..1).collect());
        assert_eq!(queue.take(9).len(), 1);
        sender.push(&mut events);
        assert_eq!(queue.take(9).len(), 2);
        // It has ended, and is not reset.
        let mut events = reset(3);
        events[1] = QueueEvent::Session(1, Event::Data(3, vec![3, 0x12, 1, b'a', 2, 8, 0]));
        sender.push(&mut events);
        assert_eq!(queue.take(9).len(), 3);
    }

    #[test]
    fn a_listener_is_closed_after_its_connections() {
        let queue = EventQueue::new().unwrap();
        let sender = queue.sender();
        sender.push(&mut vec![QueueEvent::ListenerClosed]);
        sender.push(&mut opened(1, 0..2));
        assert_eq!(taken(&queue, 9), [(1, 0), (1, 1), (u64::MAX, 0)]);
        assert!(taken(&queue, 9).is_empty());
    }
}
