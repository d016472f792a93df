//! The handshakes in progress at a listener, and which of them gives way when there are too many.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::rates::prefix;

/// Handshakes by their number, which grows with time.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    all: BTreeMap<u64, (IpAddr, Instant)>,
    by_network: HashMap<IpAddr, BTreeSet<u64>>,
}

impl Handshakes {
    pub(crate) fn insert(&mut self, id: u64, ip: IpAddr, now: Instant) {
        let network = prefix(ip);
        self.all.insert(id, (network, now));
        self.by_network.entry(network).or_default().insert(id);
    }

    pub(crate) fn remove(&mut self, id: u64) {
        let Some((network, _)) = self.all.remove(&id) else { return };
        if let Some(ids) = self.by_network.get_mut(&network) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_network.remove(&network);
            }
        }
    }

    pub(crate) fn contains(&self, id: u64) -> bool {
        self.all.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The one that gives way to a handshake with *ip*, if one does: the oldest of the network that has
    /// most, where that has more than the newcomer's would have, or else the oldest of all, once it
    /// has had *grace*.
    ///
    /// So who says hello and falls silent, from however many addresses of his, does not keep everybody
    /// else out until the deadline.
    pub(crate) fn to_displace(&self, ip: IpAddr, grace: Duration, now: Instant) -> Option<u64> {
        let most = self.by_network.values().max_by_key(|ids| (ids.len(), Reverse(ids.first())))?;
        let own = self.by_network.get(&prefix(ip)).map_or(0, BTreeSet::len);
        if own + 1 < most.len() {
            return most.first().copied();
        }
        let (id, (_, since)) = self.all.first_key_value()?;
        (now >= *since + grace).then_some(*id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_crowded_network_gives_way_and_otherwise_the_oldest_in_time() {
        let (start, grace) = (Instant::now(), Duration::from_secs(1));
        let ip = |network: u8| IpAddr::from([10, 0, network, 1]);
        let mut handshakes = Handshakes::default();
        for (id, network) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 3)] {
            handshakes.insert(id, ip(network), start);
        }
        assert_eq!(handshakes.to_displace(ip(9), grace, start), Some(4));
        assert_eq!(handshakes.to_displace(ip(1), grace, start), Some(4));
        assert_eq!(handshakes.to_displace(ip(2), grace, start), None);
        assert_eq!(handshakes.to_displace(ip(2), grace, start + grace), Some(1));
        handshakes.remove(4);
        handshakes.remove(4);
        assert_eq!(handshakes.to_displace(ip(9), grace, start), Some(2));
        assert!(handshakes.contains(5) && !handshakes.contains(4) && handshakes.len() == 5);
        for id in 1..7 {
            handshakes.remove(id);
        }
        assert_eq!(handshakes.to_displace(ip(9), grace, start), None);
        assert!(handshakes.by_network.is_empty());
    }
}
