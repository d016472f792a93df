//! The SCTP stream ids of a connection's channels, and where the reset of each stands.
//!
//! An id is free once both ends have reset their half (RFC 8831 section 6.7). One whose peer never resets its
//! half stays out of use, which costs an entry here and nothing else. A free id is used again as late as can
//! be: go-libp2p keeps a stream until its handler is done with it, and when another one comes with the same
//! id meanwhile, it closes the connection.

use std::collections::HashMap;

use crate::association::ChannelKey;

/// Where the reset of this end's half stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    Open,
    /// To be reset when nothing of it is queued any more.
    Draining,
    /// To be reset when the peer has answered the reset of an earlier channel on this id: until then SCTP
    /// takes another request for the same one.
    Deferred,
    /// Asked for, so many times.
    Requested(u8),
    Reset,
}

/// An id in use.
#[derive(Debug)]
struct Stream {
    /// The channel on it; none once this end has reset it or the peer has.
    key: Option<ChannelKey>,
    outgoing: Outgoing,
    incoming_reset: bool,
    /// The peer has opened the id again, and not yet answered the reset of the channel before.
    earlier_requested: bool,
}

impl Stream {
    fn new(key: Option<ChannelKey>) -> Self {
        Self { key, outgoing: Outgoing::Open, incoming_reset: false, earlier_requested: false }
    }
}

/// What an id carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// Nothing, and it never did or is free again.
    Nothing,
    /// A channel that has ended at this end or at both.
    Ended,
    /// An open channel.
    Channel(ChannelKey),
}

/// The ids in use.
#[derive(Debug)]
pub(crate) struct Streams {
    streams: HashMap<u16, Stream>,
    draining: Vec<u16>,
    /// The id that this end has taken last.
    last: Option<u16>,
}

impl Streams {
    /// With channel 0 open on id 0.
    pub(crate) fn new(handshake_channel: ChannelKey) -> Self {
        let mut streams = Self { streams: HashMap::new(), draining: Vec::new(), last: None };
        streams.open(0, handshake_channel);
        streams
    }

    /// A free id of those from *first* in steps of two, below *most*: the next one after that of the last call,
    /// and after the highest the lowest.
    pub(crate) fn next_free(&mut self, first: u16, most: u16) -> Option<u16> {
        let ids = |from: u16| (from..most).step_by(2);
        let after = self.last.and_then(|last| last.checked_add(2)).unwrap_or(first);
        let id = ids(after).chain(ids(first)).find(|id| !self.streams.contains_key(id))?;
        self.last = Some(id);
        Some(id)
    }

    pub(crate) fn carries(&self, id: u16) -> Carries {
        match self.streams.get(&id) {
            None => Carries::Nothing,
            Some(Stream { key: None, .. }) => Carries::Ended,
            Some(Stream { key: Some(key), .. }) => Carries::Channel(*key),
        }
    }

    /// Put a channel on a free id.
    pub(crate) fn open(&mut self, id: u16, key: ChannelKey) {
        self.streams.insert(id, Stream::new(Some(key)));
    }

    /// Whether the peer may open a channel on this id: it is free, or the peer has reset its half, perhaps
    /// before it saw that this end's reset is done.
    pub(crate) fn is_openable(&self, id: u16) -> bool {
        self.streams.get(&id).is_none_or(|stream| {
            stream.incoming_reset && stream.key.is_none() && stream.outgoing != Outgoing::Deferred
        })
    }

    /// Put a channel that the peer opens on an openable id.
    pub(crate) fn open_again(&mut self, id: u16, key: ChannelKey) {
        let Some(stream) = self.streams.get_mut(&id) else { return self.open(id, key) };
        stream.key = Some(key);
        stream.incoming_reset = false;
        stream.earlier_requested |= matches!(stream.outgoing, Outgoing::Requested(_));
        stream.outgoing = Outgoing::Open;
    }

    /// Reset this id once its queue is empty.
    pub(crate) fn drain(&mut self, id: u16) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.key = None;
            stream.outgoing = Outgoing::Draining;
            self.draining.push(id);
        }
    }

    /// The ids whose queue, by *queued*, is empty now.
    pub(crate) fn take_drained(&mut self, queued: impl Fn(u16) -> usize) -> Vec<u16> {
        let streams = &self.streams;
        let waits = |id: &u16| streams.get(id).is_some_and(|stream| stream.outgoing == Outgoing::Draining);
        self.draining.retain(waits);
        let (left, drained) = self.draining.drain(..).partition(|id| queued(*id) > 0);
        self.draining = left;
        drained
    }

    /// The reset of this end's half is asked for, again if it was before. Returns whether it can be now;
    /// otherwise `finish_reset` says when.
    pub(crate) fn request_reset(&mut self, id: u16) -> bool {
        let stream = self.streams.entry(id).or_insert(Stream::new(None));
        stream.key = None;
        stream.outgoing = match stream.outgoing {
            _ if stream.earlier_requested => Outgoing::Deferred,
            Outgoing::Requested(attempt) => Outgoing::Requested(attempt + 1),
            _ => Outgoing::Requested(1),
        };
        !stream.earlier_requested
    }

    /// How many times the reset of this end's half was asked for, if it still is.
    pub(crate) fn attempts(&self, id: u16) -> Option<u8> {
        match self.streams.get(&id)?.outgoing {
            Outgoing::Requested(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// The reset of this end's half is done, or given up. Returns whether that of a later channel on the id
    /// has waited for it.
    pub(crate) fn finish_reset(&mut self, id: u16) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        if std::mem::take(&mut stream.earlier_requested) {
            return stream.outgoing == Outgoing::Deferred;
        }
        if matches!(stream.outgoing, Outgoing::Requested(_)) {
            stream.outgoing = Outgoing::Reset;
        }
        self.free_if_done(id);
        false
    }

    /// The peer has reset its half. Returns the channel that ends with it, and whether this end's half is
    /// still to be reset.
    pub(crate) fn take_incoming_reset(&mut self, id: u16) -> (Option<ChannelKey>, bool) {
        let Some(stream) = self.streams.get_mut(&id) else { return (None, false) };
        stream.incoming_reset = true;
        let key = stream.key.take();
        let is_open = matches!(stream.outgoing, Outgoing::Open | Outgoing::Draining);
        self.free_if_done(id);
        (key, is_open)
    }

    /// How many ids are in use.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// All ids in use.
    pub(crate) fn ids(&self) -> Vec<u16> {
        self.streams.keys().copied().collect()
    }

    fn free_if_done(&mut self, id: u16) {
        let done = self
            .streams
            .get(&id)
            .is_some_and(|stream| stream.incoming_reset && stream.outgoing == Outgoing::Reset);
        if done {
            self.streams.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_free_after_both_halves_are_reset() {
        let mut streams = Streams::new(0);
        streams.open(2, 7);
        assert_eq!(streams.carries(2), Carries::Channel(7));
        assert!(streams.request_reset(2));
        assert_eq!(streams.attempts(2), Some(1));
        assert_eq!(streams.carries(2), Carries::Ended);
        streams.finish_reset(2);
        assert!(!streams.is_openable(2));
        assert_eq!(streams.take_incoming_reset(2), (None, false));
        assert_eq!(streams.carries(2), Carries::Nothing);
    }

    #[test]
    fn a_free_id_is_used_again_after_all_others() {
        let mut streams = Streams::new(0);
        for id in [2, 4, 6, 8] {
            assert_eq!(streams.next_free(2, 10), Some(id));
            streams.open(id, 7);
            if id != 4 {
                streams.request_reset(id);
                streams.finish_reset(id);
                streams.take_incoming_reset(id);
            }
        }
        let again: Vec<_> = (0..4).map(|_| streams.next_free(2, 10)).collect();
        assert_eq!(again, [2, 6, 8, 2].map(Some));
        assert_eq!(Streams::new(0).next_free(1, u16::MAX), Some(1));
        assert_eq!(Streams::new(0).next_free(2, 2), None);
    }

    #[test]
    fn the_last_id_of_all_is_followed_by_the_first() {
        for (first, last) in [(1, 65533), (2, 65534)] {
            let mut streams = Streams::new(0);
            streams.last = Some(last);
            assert_eq!(streams.next_free(first, u16::MAX), Some(first));
        }
    }

    #[test]
    fn the_peer_may_open_an_id_again_before_it_sees_our_reset_done() {
        let mut streams = Streams::new(0);
        streams.open(2, 7);
        assert_eq!(streams.take_incoming_reset(2), (Some(7), true));
        streams.request_reset(2);
        assert!(streams.is_openable(2));
        streams.open_again(2, 9);
        streams.finish_reset(2);
        assert_eq!(streams.carries(2), Carries::Channel(9));
        assert_eq!(streams.take_incoming_reset(2), (Some(9), true));
    }

    #[test]
    fn the_reset_of_a_channel_waits_for_that_of_the_channel_before_it() {
        let mut streams = Streams::new(0);
        streams.open(2, 7);
        assert_eq!(streams.take_incoming_reset(2), (Some(7), true));
        assert!(streams.request_reset(2));
        streams.open_again(2, 9);
        assert!(!streams.request_reset(2));
        assert!(!streams.is_openable(2));
        assert!(streams.finish_reset(2));
        assert!(streams.request_reset(2));
        assert_eq!(streams.take_incoming_reset(2), (None, false));
        assert!(!streams.finish_reset(2));
        assert_eq!(streams.carries(2), Carries::Nothing);
    }

    #[test]
    fn a_draining_id_waits_for_its_queue() {
        let mut streams = Streams::new(0);
        streams.open(2, 7);
        streams.open(4, 8);
        streams.drain(2);
        streams.drain(4);
        assert_eq!(streams.take_drained(|id| usize::from(id == 2)), [4]);
        assert_eq!(streams.take_incoming_reset(2), (None, true));
        streams.request_reset(2);
        assert!(streams.take_drained(|_| 0).is_empty());
    }
}
