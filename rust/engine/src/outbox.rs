//! Datagrams that wait to be sent, laid out so that a run of them can go out in one system call.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use crate::route::Route;

/// Datagrams in the order in which they are to be sent.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Where in `bytes` the first datagram starts.
    start: usize,
    datagrams: VecDeque<(Route, usize)>,
}

/// A run of datagrams on one route, all of one size but the last, which may be smaller.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Where they go.
    pub destination: SocketAddr,
    /// The address of this machine that they are to come from, if that is not the system's choice.
    pub local: Option<IpAddr>,
    /// The datagrams, one after the other.
    pub contents: &'a [u8],
    /// The size of each but the last.
    pub segment_size: usize,
    /// How many there are.
    pub count: usize,
}

impl Outbox {
    /// Append a datagram.
    pub fn push(&mut self, route: impl Into<Route>, datagram: &[u8]) {
        self.bytes.extend_from_slice(datagram);
        self.datagrams.push_back((route.into(), datagram.len()));
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// The longest run at the front, of at most *most* datagrams and *limit* bytes.
    pub fn batch(&self, most: usize, limit: usize) -> Option<Batch<'_>> {
        let (route, segment_size) = *self.datagrams.front()?;
        let mut length = 0;
        let mut count = 0;
        for (to, size) in self.datagrams.iter().take(most.max(1)) {
            let fits = *to == route && *size <= segment_size && length + size <= limit;
            if count > 0 && !fits {
                break;
            }
            length += size;
            count += 1;
            if *size < segment_size {
                break;
            }
        }
        let contents = &self.bytes[self.start..self.start + length];
        Some(Batch { destination: route.remote, local: route.local, contents, segment_size, count })
    }

    /// Forget the first *count* datagrams.
    pub fn advance(&mut self, count: usize) {
        for (_, length) in self.datagrams.drain(..count) {
            self.start += length;
        }
        if self.datagrams.is_empty() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > 1 << 20 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_a_smaller_a_larger_or_somebody_elses_datagram() {
        let here: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let there: SocketAddr = "127.0.0.1:2".parse().unwrap();
        let mut outbox = Outbox::default();
        for (to, length) in [(here, 10), (here, 10), (here, 4), (here, 10), (here, 12), (there, 12)] {
            outbox.push(to, &vec![7; length]);
        }
        let mut runs = Vec::new();
        while let Some(batch) = outbox.batch(64, 65_000) {
            runs.push((batch.destination, batch.count, batch.contents.len()));
            let count = batch.count;
            outbox.advance(count);
        }
        assert_eq!(runs, [(here, 3, 24), (here, 1, 10), (here, 1, 12), (there, 1, 12)]);
        assert!(outbox.is_empty() && outbox.is_empty());
    }

    #[test]
    fn what_leaves_from_another_address_is_another_run() {
        let remote: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let mut outbox = Outbox::default();
        for local in ["127.0.0.2", "127.0.0.2", "127.0.0.3"] {
            outbox.push(Route { remote, local: Some(local.parse().unwrap()) }, &[0; 10]);
        }
        outbox.push(remote, &[0; 10]);
        let mut runs = Vec::new();
        while let Some(batch) = outbox.batch(64, 65_000) {
            runs.push((batch.local.map(|local| local.to_string()), batch.count));
            let count = batch.count;
            outbox.advance(count);
        }
        assert_eq!(runs, [(Some("127.0.0.2".into()), 2), (Some("127.0.0.3".into()), 1), (None, 1)]);
    }

    #[test]
    fn a_run_keeps_within_its_limits() {
        let here: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let mut outbox = Outbox::default();
        for _ in 0..5 {
            outbox.push(here, &[0; 10]);
        }
        assert_eq!(outbox.batch(2, 65_000).unwrap().count, 2);
        assert_eq!(outbox.batch(64, 35).unwrap().count, 3);
        assert_eq!(outbox.batch(64, 5).unwrap().count, 1);
    }
}
