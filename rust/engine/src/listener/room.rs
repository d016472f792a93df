//! Room for new connections at a listener that has as many as it may: those without streams give way.
//!
//! An attacker who leaves connections idle, from however many networks, would keep everybody out. What has streams
//! stays, whosever it is.

use std::cmp::Reverse;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Listener, SessionId};
use crate::rates::prefix;
use crate::session::{Reason, Session};

/// Looking at all connections takes a while, so it is not done for each ClientHello of a flood.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether a connection has use for its place.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// Since when it has no stream.
    since: Option<Instant>,
    /// Streams that it ever had.
    streams: u64,
}

impl Idle {
    fn note(&mut self, session: &Session, now: Instant) {
        let (open, ever) = session.streams();
        if open > 0 || ever > self.streams {
            self.since = None;
        }
        self.streams = ever;
        if open == 0 {
            self.since.get_or_insert(now);
        }
    }
}

impl Listener {
    /// After a connection was at work.
    pub(super) fn note_idle(&mut self, id: SessionId, now: Instant) {
        if let Some(entry) = self.sessions.get_mut(&id)
            && entry.announced
            && !entry.buried
        {
            entry.idle.note(&entry.session, now);
        }
    }

    /// End a connection that has no use for its place, for one from *ip*; its network *is trusted* if this address is proved
    /// and others of it have finished handshakes. Whether there was one.
    pub(super) fn make_room(&mut self, ip: IpAddr, is_trusted: bool, now: Instant) -> bool {
        if self.no_room.is_some_and(|at| now < at + PAUSE) {
            return false;
        }
        let Some(id) = self.least_used(ip, is_trusted, now) else {
            self.no_room = Some(now);
            return false;
        };
        self.no_room = None;
        self.counters.displaced += 1;
        let words = "without streams, it made room for a new connection (max_connections)";
        self.with_session(id, now, |session| session.end(Reason::Limit, words.to_owned()));
        self.settle(id, now);
        true
    }

    /// The one that never had a stream before those that had; of these the one of the network that has most, but of
    /// no other network that has fewer than that of *ip* will have; and of these the one that is idle for longest.
    ///
    /// What was long of no use to anybody protects no network: who holds one connection in each of a thousand networks
    /// would keep out all networks that have one.
    fn least_used(&self, ip: IpAddr, is_trusted: bool, now: Instant) -> Option<SessionId> {
        let own = self.quota.of_network(ip);
        let idle = self.sessions.iter().filter_map(|(id, entry)| {
            let since = entry.idle.since.filter(|_| !entry.buried)?;
            let is_unused = entry.idle.streams == 0;
            let grace = if is_unused { self.config.unused_grace } else { self.config.idle_grace };
            let count = self.quota.of_network(entry.origin);
            let is_useless = is_trusted && is_unused && now >= since + self.config.long_unused_grace;
            let may_lose_one = count > own || prefix(entry.origin) == prefix(ip) || is_useless;
            (now >= since + grace && may_lose_one).then_some((is_unused, count, Reverse(since), *id))
        });
        idle.max().map(|(.., id)| id)
    }
}
