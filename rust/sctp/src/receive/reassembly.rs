//! The messages of all streams, on their way and complete.

use std::collections::{HashMap, VecDeque};

use super::stream::{Inconsistent, Stream};
use crate::event::Message;
use crate::packet::chunk::Data;

/// Beyond so many, a complete message is charged for its bookkeeping too, so that tiny ones are bounded.
const FREE_MESSAGES: usize = 1024;
const MESSAGE_OVERHEAD: usize = 64;

/// Streams of which anything is known. A peer that resets those that it is done with stays far below it.
const MAX_STREAMS: usize = 8192;
/// Room for so many messages stays when none waits.
const ROOM_WHEN_IDLE: usize = 16;

/// What has arrived and was not yet read.
#[derive(Debug)]
pub(crate) struct Reassembly {
    streams: HashMap<u16, Stream>,
    ready: VecDeque<Message>,
    ready_bytes: usize,
    /// What the fragments of all streams are charged.
    charged: usize,
    /// Messages completed, ever.
    completed: u64,
    max_message: usize,
}

impl Reassembly {
    pub(crate) fn new(max_message: usize) -> Self {
        Self {
            streams: HashMap::new(),
            ready: VecDeque::new(),
            ready_bytes: 0,
            charged: 0,
            completed: 0,
            max_message,
        }
    }

    /// What everything in here is charged against the window.
    pub(crate) fn held(&self) -> usize {
        let charged = self.ready.len().saturating_sub(FREE_MESSAGES) * MESSAGE_OVERHEAD;
        self.ready_bytes + charged + self.charged
    }

    /// Messages completed, ever.
    pub(crate) fn completed(&self) -> u64 {
        self.completed
    }

    /// Messages that wait to be read.
    pub(crate) fn waiting(&self) -> usize {
        self.ready.len()
    }

    /// The next message.
    pub(crate) fn pop(&mut self) -> Option<Message> {
        let message = self.ready.pop_front()?;
        self.ready_bytes -= message.payload.len();
        if self.ready.is_empty() {
            self.ready.shrink_to(ROOM_WHEN_IDLE);
        }
        Some(message)
    }

    /// Whether a fragment on this stream may be taken.
    pub(crate) fn has_room_for(&self, stream: u16) -> bool {
        self.streams.len() < MAX_STREAMS || self.streams.contains_key(&stream)
    }

    /// Take a fragment with a TSN that is new, on a stream that there is room for.
    pub(crate) fn add(&mut self, tsn: u64, data: &Data<'_>) -> Result<(), Inconsistent> {
        let fragment = (data.flags, data.ssn, data.ppid, data.payload);
        self.with(data.stream, |stream, most, done| stream.add(data.stream, tsn, fragment, most, done))
    }

    /// The peer resets these streams after *last*, and not all up to it is here.
    pub(crate) fn hold_after(&mut self, streams: &[u16], last: u64) {
        let all = if streams.is_empty() { self.named(streams) } else { streams.to_vec() };
        // Of those that nothing is known of as well: what is missing may be theirs.
        for id in all.into_iter().take(MAX_STREAMS) {
            self.streams.entry(id).or_default().hold_after(last);
        }
    }

    /// The peer resets these streams after *last*, and all up to it is here.
    pub(crate) fn reset(&mut self, streams: &[u16], last: u64) -> Result<(), Inconsistent> {
        for id in self.named(streams) {
            self.with(id, |stream, most, done| stream.reset(id, last, most, done))?;
            // What is known of a stream does not stay for ever.
            if self.streams.get(&id).is_some_and(Stream::is_blank) {
                self.streams.remove(&id);
            }
        }
        Ok(())
    }

    /// Those of *streams* that anything is known of; all of these where it is empty.
    fn named(&self, streams: &[u16]) -> Vec<u16> {
        if streams.is_empty() {
            return self.streams.keys().copied().collect();
        }
        streams.iter().copied().filter(|id| self.streams.contains_key(id)).collect()
    }

    fn with(
        &mut self,
        id: u16,
        act: impl FnOnce(&mut Stream, usize, &mut dyn FnMut(Message)) -> Result<(), Inconsistent>,
    ) -> Result<(), Inconsistent> {
        let stream = self.streams.entry(id).or_default();
        let before = stream.charged();
        let (ready, bytes, completed) = (&mut self.ready, &mut self.ready_bytes, &mut self.completed);
        let result = act(stream, self.max_message, &mut |message| {
            *bytes += message.payload.len();
            *completed += 1;
            ready.push_back(message);
        });
        self.charged = self.charged + stream.charged() - before;
        result
    }
}
