//! Messages that wait to be sent, by stream.
//!
//! Without interleaving (RFC 8260) the fragments of a message follow each other, so streams take turns by messages.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use crate::packet::chunk::flag;

#[derive(Debug)]
struct Waiting {
    ppid: u32,
    payload: Bytes,
    is_unordered: bool,
    /// Whether a fragment of it has left.
    is_begun: bool,
    /// Whether it is sent even if the stream is reset.
    stays: bool,
}

#[derive(Debug, Default)]
struct Stream {
    messages: VecDeque<Waiting>,
    bytes: usize,
    next_ssn: u16,
    /// Its reset was asked for: no further message begins.
    is_paused: bool,
}

/// A fragment on its way out.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) stream: u16,
    pub(crate) ssn: u16,
    pub(crate) ppid: u32,
    pub(crate) flags: u8,
    pub(crate) payload: Bytes,
}

/// The queues of all streams.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    streams: HashMap<u16, Stream>,
    /// Streams with something that may leave, in their turns; the first may be amid a message.
    turns: VecDeque<u16>,
}

impl Queue {
    pub(crate) fn push(&mut self, id: u16, ppid: u32, payload: Bytes, is_unordered: bool) {
        let stream = self.streams.entry(id).or_default();
        stream.bytes += payload.len();
        stream.messages.push_back(Waiting { ppid, payload, is_unordered, is_begun: false, stays: false });
        if stream.messages.len() == 1 && !stream.is_paused {
            self.turns.push_back(id);
        }
    }

    /// What waits on a stream, in bytes.
    pub(crate) fn queued(&self, id: u16) -> usize {
        self.streams.get(&id).map_or(0, |stream| stream.bytes)
    }

    /// Whether nothing may leave.
    pub(crate) fn is_idle(&self) -> bool {
        self.turns.is_empty()
    }

    /// The size of the next fragment, where at most so many bytes fit and a full packet holds *full*.
    pub(crate) fn next_size(&self, room: usize, full: usize) -> Option<usize> {
        let message = self.streams.get(self.turns.front()?)?.messages.front()?;
        let length = message.payload.len();
        // A piece is cut off for a packet of its own, not to fill up one that holds others.
        (length <= room || room >= full).then(|| length.min(room))
    }

    /// Take the next fragment, of *size* bytes.
    pub(crate) fn take(&mut self, size: usize) -> Option<Piece> {
        let id = *self.turns.front()?;
        let stream = self.streams.get_mut(&id)?;
        let message = stream.messages.front_mut()?;
        let payload = message.payload.split_to(size.min(message.payload.len()));
        let mut flags = if message.is_begun { 0 } else { flag::BEGIN };
        if message.is_unordered {
            flags |= flag::UNORDERED;
        }
        message.is_begun = true;
        message.stays = true;
        let (ppid, is_unordered, is_whole) = (message.ppid, message.is_unordered, message.payload.is_empty());
        stream.bytes -= payload.len();
        let ssn = if is_unordered { 0 } else { stream.next_ssn };
        if is_whole {
            flags |= flag::END;
            stream.messages.pop_front();
            if !is_unordered {
                stream.next_ssn = stream.next_ssn.wrapping_add(1);
            }
            self.turns.pop_front();
            if !stream.messages.is_empty() && !stream.is_paused {
                self.turns.push_back(id);
            }
        }
        Some(Piece { stream: id, ssn, ppid, flags, payload })
    }

    /// Begin no further message on a stream, and forget those that have not begun.
    ///
    /// The first of all stays: a peer that has never heard of a stream does not reset its half of it.
    pub(crate) fn pause(&mut self, id: u16) {
        let stream = self.streams.entry(id).or_default();
        let is_new = stream.next_ssn == 0 && !stream.is_paused;
        if let Some(first) = stream.messages.front_mut() {
            first.stays |= is_new;
        }
        stream.is_paused = true;
        let kept = usize::from(stream.messages.front().is_some_and(|message| message.stays));
        let dropped: usize = stream.messages.drain(kept..).map(|message| message.payload.len()).sum();
        stream.bytes -= dropped;
        if kept == 0 {
            self.turns.retain(|turn| *turn != id);
        }
    }

    /// Whether a message of this paused stream is still to leave, or the rest of one.
    pub(crate) fn is_amid_message(&self, id: u16) -> bool {
        self.streams
            .get(&id)
            .is_some_and(|stream| stream.messages.front().is_some_and(|message| message.stays))
    }

    /// The reset of these streams is done: sequence numbers begin anew; what was queued meanwhile may leave.
    pub(crate) fn finish_reset(&mut self, ids: &[u16]) {
        self.resume(ids, true);
    }

    /// The reset of these streams was refused: they go on.
    pub(crate) fn refuse_reset(&mut self, ids: &[u16]) {
        self.resume(ids, false);
    }

    fn resume(&mut self, ids: &[u16], is_reset: bool) {
        let ids: HashSet<u16> = ids.iter().copied().collect();
        for id in ids {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.is_paused = false;
            if is_reset {
                stream.next_ssn = 0;
            }
            if !stream.messages.is_empty() {
                self.turns.push_back(id);
            } else if stream.next_ssn == 0 {
                self.streams.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(queue: &mut Queue, size: usize) -> Vec<(u16, u16, u8, usize)> {
        std::iter::from_fn(|| {
            let size = queue.next_size(size, size)?;
            let piece = queue.take(size)?;
            Some((piece.stream, piece.ssn, piece.flags, piece.payload.len()))
        })
        .collect()
    }

    #[test]
    fn streams_take_turns_by_messages() {
        let mut queue = Queue::default();
        queue.push(2, 53, vec![0; 25].into(), false);
        queue.push(2, 53, vec![0; 5].into(), false);
        queue.push(4, 53, vec![0; 10].into(), false);
        let expected = [(2, 0, 2, 10), (2, 0, 0, 10), (2, 0, 1, 5), (4, 0, 3, 10), (2, 1, 3, 5)];
        assert_eq!(order(&mut queue, 10), expected);
        assert!(queue.is_idle());
    }

    #[test]
    fn a_reset_ends_the_message_that_has_begun_and_forgets_the_others() {
        let mut queue = Queue::default();
        queue.push(2, 53, vec![0; 15].into(), false);
        queue.push(2, 53, vec![0; 15].into(), false);
        assert_eq!(queue.take(10).map(|piece| piece.flags), Some(flag::BEGIN));
        queue.pause(2);
        assert!(queue.is_amid_message(2));
        assert_eq!(order(&mut queue, 10), [(2, 0, 1, 5)]);
        assert!(!queue.is_amid_message(2));
        queue.push(2, 53, vec![0; 5].into(), false);
        assert!(order(&mut queue, 10).is_empty());
        queue.finish_reset(&[2]);
        assert_eq!(order(&mut queue, 10), [(2, 0, 3, 5)]);
    }
}
