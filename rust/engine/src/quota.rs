//! Who may have a new connection: so many at a time and so many a second, in all, for each address, and
//! for each prefix.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use crate::config::Config;
use crate::networks::Rank;
use crate::random::Random;
use crate::rates::{Bucket, FairRate, Rate, prefix};
use crate::table::Table;

/// Addresses whose rate is remembered. One that is forgotten starts with a full burst again.
const MAX_RATES: usize = 4096;
/// A burst is what so many seconds allow.
const BURST_SECONDS: f64 = 2.0;

/// The limit that refused a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Connections of the listener.
    Connections,
    /// Handshakes in progress.
    Handshakes,
    /// Connections of one IP address.
    Address,
    /// Connections of one prefix: /24 of IPv4, /56 of IPv6.
    Prefix,
    /// New connections a second.
    Rate,
    /// New connections a second of one IP address.
    AddressRate,
}

/// The counts and the rates.
#[derive(Debug)]
pub(crate) struct Quota {
    rate: FairRate,
    address_rate: Rate,
    address_rates: Table<IpAddr, Bucket>,
    by_address: HashMap<IpAddr, usize>,
    by_prefix: HashMap<IpAddr, usize>,
}

impl Quota {
    pub(crate) fn new(config: &Config, random: &mut Random, now: Instant) -> Self {
        Self {
            rate: FairRate::new(config.connections_per_second, BURST_SECONDS, random.block(), now),
            address_rate: Rate::new(config.connections_per_second_per_address, BURST_SECONDS),
            address_rates: Table::new(MAX_RATES),
            by_address: HashMap::new(),
            by_prefix: HashMap::new(),
        }
    }

    /// Count a new connection of *ip*, unless that is beyond a limit.
    pub(crate) fn admit(
        &mut self,
        config: &Config,
        ip: IpAddr,
        rank: Rank,
        now: Instant,
    ) -> Result<(), Refusal> {
        let prefix = prefix(ip);
        if self.by_address.get(&ip).is_some_and(|count| *count >= config.max_connections_per_address) {
            return Err(Refusal::Address);
        }
        if self.by_prefix.get(&prefix).is_some_and(|count| *count >= config.max_connections_per_prefix) {
            return Err(Refusal::Prefix);
        }
        if self.address_rates.get(&ip).is_none() {
            self.address_rates.insert(ip, Bucket::full(self.address_rate, now));
        }
        let rate = self.address_rate;
        if !self.address_rates.get_mut(&ip).is_some_and(|bucket| bucket.take(rate, now)) {
            return Err(Refusal::AddressRate);
        }
        if !self.rate.take(ip, rank, now) {
            return Err(Refusal::Rate);
        }
        *self.by_address.entry(ip).or_default() += 1;
        *self.by_prefix.entry(prefix).or_default() += 1;
        Ok(())
    }

    /// How many connections the network of *ip* has.
    pub(crate) fn of_network(&self, ip: IpAddr) -> usize {
        self.by_prefix.get(&prefix(ip)).copied().unwrap_or_default()
    }

    /// A connection that was admitted has ended.
    pub(crate) fn release(&mut self, ip: IpAddr) {
        release(&mut self.by_address, ip);
        release(&mut self.by_prefix, prefix(ip));
    }
}

fn release(counts: &mut HashMap<IpAddr, usize>, key: IpAddr) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config() -> Config {
        Config {
            max_connections_per_address: 2,
            max_connections_per_prefix: 3,
            connections_per_second: 10.0,
            connections_per_second_per_address: 4.0,
            ..Config::default()
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_and_prefixes_have_their_counts() {
        let (config, now) = (config(), Instant::now());
        let mut quota = Quota::new(&config, &mut Random::new([1; 32]), now);
        for (address, expected) in [
            ("192.0.2.1", Ok(())),
            ("192.0.2.1", Ok(())),
            ("192.0.2.1", Err(Refusal::Address)),
            ("192.0.2.2", Ok(())),
            ("192.0.2.3", Err(Refusal::Prefix)),
            ("192.0.3.3", Ok(())),
            ("2001:db8:0:1::1", Ok(())),
            ("2001:db8:0:2::1", Ok(())),
            ("2001:db8:0:ff::1", Ok(())),
            ("2001:db8:0:fe::1", Err(Refusal::Prefix)),
            ("2001:db8:0:100::1", Ok(())),
        ] {
            assert_eq!(quota.admit(&config, ip(address), Rank::New, now), expected, "{address}");
        }
        quota.release(ip("192.0.2.1"));
        assert_eq!(quota.admit(&config, ip("192.0.2.3"), Rank::New, now), Ok(()));
    }

    #[test]
    fn rates_come_back_with_time_and_counts_do_not_stay() {
        let (config, mut now) = (config(), Instant::now());
        let mut quota = Quota::new(&config, &mut Random::new([1; 32]), now);
        let mut admitted = 0;
        for _ in 0..100 {
            now += Duration::from_millis(50);
            if quota.admit(&config, ip("192.0.2.1"), Rank::New, now).is_ok() {
                quota.release(ip("192.0.2.1"));
                admitted += 1;
            }
        }
        // 4 a second for 5 seconds, and a burst of 8.
        assert!((27..=29).contains(&admitted), "{admitted}");
        assert!(quota.by_address.is_empty() && quota.by_prefix.is_empty());
        let mut admitted = |rank: Rank| {
            (0..100u8)
                .filter(|last| quota.admit(&config, ip(&format!("10.0.{last}.1")), rank, now).is_ok())
                .count()
        };
        assert_eq!([Rank::Doubtful(0), Rank::New, Rank::Known].map(&mut admitted), [11, 5, 4]);
    }
}
