//! The handshakes in progress at a listener, and which of them gives way when there are too many.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::networks::Rank;
use crate::rates::prefix;

#[derive(Debug)]
struct Handshake {
    network: IpAddr,
    rank: Rank,
    since: Instant,
}

/// Handshakes by their number, which grows with time.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    all: BTreeMap<u64, Handshake>,
    by_network: HashMap<IpAddr, BTreeSet<u64>>,
    /// Those that come last first.
    by_rank: BTreeSet<(Reverse<Rank>, u64)>,
}

impl Handshakes {
    pub(crate) fn insert(&mut self, id: u64, ip: IpAddr, rank: Rank, now: Instant) {
        let network = prefix(ip);
        self.all.insert(id, Handshake { network, rank, since: now });
        self.by_network.entry(network).or_default().insert(id);
        self.by_rank.insert((Reverse(rank), id));
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let Some(Handshake { network, rank, .. }) = self.all.remove(&id) else { return false };
        self.by_rank.remove(&(Reverse(rank), id));
        if let Some(ids) = self.by_network.get_mut(&network) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_network.remove(&network);
            }
        }
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The one that gives way to a handshake with *ip*, if one does: the oldest of those that come last, if these
    /// come after the newcomer. Of those that come as late as it: the oldest of the network that has most, where that
    /// has more than the newcomer's would have, or else the oldest of all, once it has had *grace*.
    ///
    /// So who says hello and falls silent, from however many addresses of his, does not keep everybody
    /// else out until the deadline.
    pub(crate) fn to_displace(&self, ip: IpAddr, rank: Rank, grace: Duration, now: Instant) -> Option<u64> {
        let (Reverse(last), oldest) = *self.by_rank.first()?;
        if last > rank {
            return Some(oldest);
        }
        if last < rank {
            return None;
        }
        let most = self.by_network.values().max_by_key(|ids| (ids.len(), Reverse(ids.first())))?;
        let own = self.by_network.get(&prefix(ip)).map_or(0, BTreeSet::len);
        if own + 1 < most.len()
            && let Some(id) = most.iter().find(|id| self.all.get(id).is_some_and(|it| it.rank == rank))
        {
            return Some(*id);
        }
        let since = self.all.get(&oldest)?.since;
        (now >= since + grace).then_some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(network: u8) -> IpAddr {
        IpAddr::from([10, 0, network, 1])
    }

    #[test]
    fn the_most_crowded_network_gives_way_and_otherwise_the_oldest_in_time() {
        let (start, grace, new) = (Instant::now(), Duration::from_secs(1), Rank::New);
        let mut handshakes = Handshakes::default();
        for (id, network) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 3)] {
            handshakes.insert(id, ip(network), new, start);
        }
        assert_eq!(handshakes.to_displace(ip(9), new, grace, start), Some(4));
        assert_eq!(handshakes.to_displace(ip(1), new, grace, start), Some(4));
        assert_eq!(handshakes.to_displace(ip(2), new, grace, start), None);
        assert_eq!(handshakes.to_displace(ip(2), new, grace, start + grace), Some(1));
        assert!(handshakes.remove(4) && !handshakes.remove(4));
        assert_eq!(handshakes.to_displace(ip(9), new, grace, start), Some(2));
        assert!(handshakes.all.contains_key(&5) && handshakes.len() == 5);
        for id in 1..7 {
            handshakes.remove(id);
        }
        assert_eq!(handshakes.to_displace(ip(9), new, grace, start), None);
        assert!(handshakes.by_network.is_empty() && handshakes.by_rank.is_empty());
    }

    #[test]
    fn who_comes_last_gives_way_at_once_and_to_nobody_who_comes_later() {
        let (start, grace) = (Instant::now(), Duration::from_secs(1));
        let mut handshakes = Handshakes::default();
        for (id, network) in [(1, 1), (2, 1), (3, 1)] {
            handshakes.insert(id, ip(network), Rank::Known, start);
        }
        let (known, new, doubtful) = (Rank::Known, Rank::New, Rank::Doubtful(0));
        assert_eq!(handshakes.to_displace(ip(9), new, grace, start + 2 * grace), None);
        assert_eq!(handshakes.to_displace(ip(9), known, grace, start), Some(1));
        for (id, rank) in [(4, doubtful), (5, new), (6, Rank::Doubtful(3)), (7, Rank::Doubtful(3))] {
            handshakes.insert(id, ip(id as u8), rank, start);
        }
        assert_eq!(handshakes.to_displace(ip(9), doubtful, grace, start), Some(6));
        handshakes.remove(6);
        handshakes.remove(7);
        assert_eq!(handshakes.to_displace(ip(9), doubtful, grace, start), None);
        assert_eq!(handshakes.to_displace(ip(9), new, grace, start), Some(4));
    }
}
