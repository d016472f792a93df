//! Rates: tokens that come back with time, and a rate that is shared fairly between networks.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use crate::networks::Rank;

/// Buckets of a `Shares`.
const SHARES: usize = 1024;
/// A network may have one part in so many of the whole from the reserve: a new one, and one that is known.
const NEW_NETWORKS: f64 = 64.0;
const KNOWN_NETWORKS: f64 = 8.0;
/// So much of a full bucket is the reserve, and so much of it is for networks that are known.
const RESERVE: f64 = 0.5;
const RESERVE_OF_KNOWN: f64 = 0.25;

/// So much a second, and at once so much as some seconds allow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    per_second: f64,
    burst: f64,
}

impl Rate {
    /// A burst is at least one, or a slow rate would admit nobody ever.
    pub(crate) fn new(per_second: f64, burst_seconds: f64) -> Self {
        Self { per_second, burst: (per_second * burst_seconds).max(1.0) }
    }
}

/// Tokens that come back with time.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    since: Instant,
}

impl Bucket {
    pub(crate) fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst, since: now }
    }

    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        self.take_above(0.0, rate, now)
    }

    /// Take one if at least *rest* stay.
    fn take_above(&mut self, rest: f64, rate: Rate, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        self.since = now;
        self.tokens = (self.tokens + elapsed * rate.per_second).min(rate.burst);
        let has = self.tokens >= 1.0 + rest;
        if has {
            self.tokens -= 1.0;
        }
        has
    }
}

/// A rate for each key, in a fixed number of buckets. Keys share buckets, so each has two of them, and
/// nobody can tell which.
#[derive(Debug)]
pub(crate) struct Shares {
    rate: Rate,
    secret: [u8; 32],
    buckets: Vec<Bucket>,
}

impl Shares {
    pub(crate) fn new(rate: Rate, secret: [u8; 32], now: Instant) -> Self {
        Self { rate, secret, buckets: vec![Bucket::full(rate, now); SHARES] }
    }

    pub(crate) fn take(&mut self, key: &impl Hash, now: Instant) -> bool {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        key.hash(&mut hasher);
        let hash = hasher.finish();
        [hash, hash >> 32].into_iter().any(|place| {
            let bucket = &mut self.buckets[place as usize % SHARES];
            bucket.take(self.rate, now)
        })
    }
}

/// A rate for all. The last tokens are a reserve of which each network may have a share only, so that who
/// takes whatever there is does not take it from everybody. What a network may have depends on its rank.
#[derive(Debug)]
pub(crate) struct FairRate {
    rate: Rate,
    all: Bucket,
    shares: Shares,
    shares_of_known: Shares,
}

impl FairRate {
    pub(crate) fn new(per_second: f64, burst_seconds: f64, secret: [u8; 32], now: Instant) -> Self {
        let rate = Rate::new(per_second, burst_seconds);
        let shares = |networks| Shares::new(Rate::new(per_second / networks, burst_seconds), secret, now);
        let (new, known) = (shares(NEW_NETWORKS), shares(KNOWN_NETWORKS));
        Self { rate, all: Bucket::full(rate, now), shares: new, shares_of_known: known }
    }

    pub(crate) fn take(&mut self, ip: IpAddr, rank: Rank, now: Instant) -> bool {
        // Of a burst of a few, one more: a slow rate admits strangers, too.
        let rest = |part: f64| (part * self.rate.burst - 1.0).max(0.0);
        if self.all.take_above(rest(RESERVE), self.rate, now) {
            return true;
        }
        let (shares, left) = match rank {
            Rank::Known => (&mut self.shares_of_known, 0.0),
            Rank::New => (&mut self.shares, RESERVE_OF_KNOWN),
            Rank::Doubtful(_) => return false,
        };
        shares.take(&prefix(ip), now) && self.all.take_above(rest(left), self.rate, now)
    }
}

/// The network of an address: /24 of IPv4, /56 of IPv6.
pub(crate) fn prefix(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & !0xff).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 56)).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn taken(rate: &mut FairRate, ip: [u8; 4], tries: usize, now: Instant) -> usize {
        (0..tries).filter(|_| rate.take(ip.into(), Rank::New, now)).count()
    }

    #[test]
    fn one_network_may_have_almost_all_and_never_the_share_of_another() {
        let mut now = Instant::now();
        let mut rate = FairRate::new(640.0, 1.0, [1; 32], now);
        // One half, and its own share of the reserve: at least one bucket of 10, at most two.
        let greedy = taken(&mut rate, [10, 0, 0, 1], 10_000, now);
        assert!((321..=341).contains(&greedy), "{greedy}");
        assert!(taken(&mut rate, [10, 0, 1, 1], 1000, now) >= 10);
        for _ in 0..100 {
            now += Duration::from_millis(100);
            taken(&mut rate, [10, 0, 0, 9], 1000, now);
            assert_eq!(taken(&mut rate, [10, 0, 2, 1], 1, now), 1, "an honest one");
        }
    }

    #[test]
    fn all_together_have_no_more_than_the_whole() {
        let start = Instant::now();
        let mut rate = FairRate::new(640.0, 1.0, [2; 32], start);
        let mut taken = 0;
        for number in 0..100_000_u32 {
            let now = start + Duration::from_micros(10) * number;
            let ip = Ipv4Addr::from_bits(number.wrapping_mul(2_654_435_761));
            taken += usize::from(rate.take(ip.into(), Rank::Known, now));
        }
        assert!((1200..=1281).contains(&taken), "{taken}");
    }

    #[test]
    fn who_is_to_leave_some_finds_none_where_others_still_do() {
        let now = Instant::now();
        let mut rate = FairRate::new(640.0, 1.0, [4; 32], now);
        let mut counts = [Rank::Doubtful(0), Rank::New, Rank::Known].map(|rank| {
            (0..10_000_u32).filter(|it| rate.take(Ipv4Addr::from_bits(it << 8).into(), rank, now)).count()
        });
        assert_eq!(counts, [321, 160, 159]);
        counts = [Rank::Known; 3].map(|rank| usize::from(rate.take([10, 0, 0, 1].into(), rank, now)));
        assert_eq!(counts, [0; 3]);
    }

    #[test]
    fn who_shares_a_bucket_with_another_has_a_second_one() {
        let now = Instant::now();
        let mut shares = Shares::new(Rate::new(10.0, 1.0), [3; 32], now);
        for key in 0..16 {
            while shares.take(&key, now) {}
        }
        assert!((100..400).all(|key| shares.take(&key, now)));
    }
}
