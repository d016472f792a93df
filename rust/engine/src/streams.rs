//! The SCTP stream ids of a connection's channels, and where the reset of each stands.
//!
//! An id is used again once both ends have reset their half (RFC 8831 section 6.7). One whose peer never
//! resets its half stays out of use, which costs an entry here and nothing else.

use std::collections::HashMap;

use crate::association::ChannelKey;

/// Where the reset of this end's half stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    Open,
    /// To be reset when nothing of it is queued any more.
    Draining,
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
}

impl Streams {
    /// With channel 0 open on id 0.
    pub(crate) fn new(handshake_channel: ChannelKey) -> Self {
        let mut streams = Self { streams: HashMap::new(), draining: Vec::new() };
        streams.open(0, handshake_channel);
        streams
    }

    /// The lowest free id from *first* in steps of two, below *most*.
    pub(crate) fn lowest_free(&self, first: u16, most: u16) -> Option<u16> {
        (first..most).step_by(2).find(|id| !self.streams.contains_key(id))
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
        let stream = Stream { key: Some(key), outgoing: Outgoing::Open, incoming_reset: false };
        self.streams.insert(id, stream);
    }

    /// Whether the peer may open a channel on this id: it is free, or the peer has reset its half, perhaps
    /// before it saw that this end's reset is done.
    pub(crate) fn is_openable(&self, id: u16) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.incoming_reset && stream.key.is_none())
    }

    /// Put a channel that the peer opens on an openable id.
    pub(crate) fn open_again(&mut self, id: u16, key: ChannelKey) {
        let Some(stream) = self.streams.get_mut(&id) else { return self.open(id, key) };
        stream.key = Some(key);
        stream.incoming_reset = false;
        if stream.outgoing == Outgoing::Reset {
            stream.outgoing = Outgoing::Open;
        }
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

    /// The reset of this end's half is asked for, again if it was before. Returns how many times until now.
    pub(crate) fn request_reset(&mut self, id: u16) -> u8 {
        let stream = self.streams.entry(id).or_insert(Stream {
            key: None,
            outgoing: Outgoing::Open,
            incoming_reset: false,
        });
        let attempt = match stream.outgoing {
            Outgoing::Requested(attempt) => attempt + 1,
            _ => 1,
        };
        stream.key = None;
        stream.outgoing = Outgoing::Requested(attempt);
        attempt
    }

    /// How many times the reset of this end's half was asked for, if it still is.
    pub(crate) fn attempts(&self, id: u16) -> Option<u8> {
        match self.streams.get(&id)?.outgoing {
            Outgoing::Requested(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// The reset of this end's half is done, or given up.
    pub(crate) fn finish_reset(&mut self, id: u16) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if matches!(stream.outgoing, Outgoing::Requested(_)) {
            // With a key it has been opened again meanwhile.
            stream.outgoing = if stream.key.is_some() { Outgoing::Open } else { Outgoing::Reset };
        }
        self.free_if_done(id);
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
        assert_eq!(streams.lowest_free(2, 10), Some(2));
        streams.open(2, 7);
        assert_eq!(streams.carries(2), Carries::Channel(7));
        assert_eq!(streams.lowest_free(2, 10), Some(4));
        assert_eq!(streams.request_reset(2), 1);
        assert_eq!(streams.carries(2), Carries::Ended);
        streams.finish_reset(2);
        assert!(!streams.is_openable(2));
        assert_eq!(streams.take_incoming_reset(2), (None, false));
        assert_eq!(streams.carries(2), Carries::Nothing);
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
