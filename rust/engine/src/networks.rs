//! What is known of networks, for when not everybody can be served: whether their handshakes are finished.
//!
//! An attacker may own addresses in as many networks as he likes, and so have the better part of whatever is shared
//! fairly. But whoever leaves handshakes unfinished is known by that, and comes after those who do not.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::random::Random;
use crate::rates::prefix;

/// Networks share places, so each has two of them, and nobody can tell which.
const PLACES: usize = 1 << 16;
/// Half of what is known is forgotten after so long.
const HALF_LIFE: Duration = Duration::from_secs(30);

/// How a network stands; the first come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It has finished handshakes, at least as many as it has left unfinished.
    Known,
    /// Nothing is known of it.
    New,
    /// It has left handshakes unfinished: how many, as a power of two.
    Doubtful(u32),
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    finished: u8,
    unfinished: u8,
}

/// The marks of all networks.
#[derive(Debug)]
pub(crate) struct Networks {
    secret: [u8; 32],
    marks: Vec<Mark>,
    halved: Instant,
}

impl Networks {
    pub(crate) fn new(random: &mut Random, now: Instant) -> Self {
        Self { secret: random.block(), marks: vec![Mark::default(); PLACES], halved: now }
    }

    pub(crate) fn rank(&mut self, ip: IpAddr, now: Instant) -> Rank {
        self.forget(now);
        let [one, other] = self.places(ip).map(|place| self.marks[place]);
        let finished = one.finished.min(other.finished);
        let unfinished = one.unfinished.min(other.unfinished);
        match (finished, unfinished) {
            (0, 0) => Rank::New,
            (finished, unfinished) if finished >= unfinished => Rank::Known,
            (_, unfinished) => Rank::Doubtful(unfinished.ilog2()),
        }
    }

    /// A handshake with *ip* has ended unfinished.
    pub(crate) fn leave(&mut self, ip: IpAddr) {
        for place in self.places(ip) {
            let mark = &mut self.marks[place];
            if mark.unfinished == u8::MAX {
                *mark = mark.halved();
            }
            mark.unfinished += 1;
        }
    }

    /// A handshake with *ip* is finished.
    pub(crate) fn finish(&mut self, ip: IpAddr) {
        for place in self.places(ip) {
            let mark = &mut self.marks[place];
            if mark.finished == u8::MAX {
                *mark = mark.halved();
            }
            mark.finished += 1;
            mark.unfinished = mark.unfinished.saturating_sub(1);
        }
    }

    fn forget(&mut self, now: Instant) {
        if now.saturating_duration_since(self.halved) < HALF_LIFE {
            return;
        }
        self.halved = now;
        for mark in &mut self.marks {
            *mark = mark.halved();
        }
    }

    fn places(&self, ip: IpAddr) -> [usize; 2] {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        prefix(ip).hash(&mut hasher);
        let hash = hasher.finish();
        [hash, hash >> 32].map(|hash| hash as usize % PLACES)
    }
}

impl Mark {
    fn halved(self) -> Self {
        Self { finished: self.finished / 2, unfinished: self.unfinished / 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finishes_is_known_and_who_does_not_is_doubtful() {
        let mut now = Instant::now();
        let mut networks = Networks::new(&mut Random::new([1; 32]), now);
        let ip = |network: u8| IpAddr::from([10, 0, network, 1]);
        for _ in 0..300 {
            networks.finish(ip(1));
            networks.leave(ip(2));
        }
        networks.leave(ip(1));
        let ranks = [1, 2, 3].map(|network| networks.rank(ip(network), now));
        assert_eq!(ranks, [Rank::Known, Rank::Doubtful(7), Rank::New]);
        assert!(Rank::Known < Rank::New && Rank::New < Rank::Doubtful(0));
        for _ in 0..10 {
            now += HALF_LIFE;
            networks.rank(ip(2), now);
        }
        assert_eq!([1, 2].map(|network| networks.rank(ip(network), now)), [Rank::New; 2]);
    }

    #[test]
    fn thousands_of_networks_do_not_make_others_doubtful() {
        let now = Instant::now();
        let mut networks = Networks::new(&mut Random::new([2; 32]), now);
        for network in 0..4096_u32 {
            networks.leave((0x0a00_0000 + network * 256).to_be_bytes().into());
        }
        let others = (0..1000_u32).map(|network| IpAddr::from((0xc000_0000 + network * 256).to_be_bytes()));
        let doubtful = others.filter(|ip| networks.rank(*ip, now) != Rank::New).count();
        assert!(doubtful <= 30, "{doubtful}");
    }
}
