//! The source addresses: which there are, and which of them an address is. They say nothing of ports.
//!
//! ```text
//! IPv4:  127 . network, 1.0 to 254.255 . host               networks are /24
//! IPv6:  fd0f:100d:00 | network, 16 bits | host, 8 bits | ::1    networks are /56
//! ```
//!
//! Some networks only are spread evenly over all of these, so that what they have in common is no more than
//! the addresses of strangers have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// 127.1.0.0/24 to 127.254.255.0/24: 127.0.0.0/16 has the addresses that others use.
pub(crate) const MOST_NETWORKS: usize = 254 << 8;
/// Addresses in a network.
pub(crate) const MOST_HOSTS: usize = 1 << 8;
/// The prefix of all sources of IPv6, and its length.
pub(crate) const PREFIX: (Ipv6Addr, u32) = (Ipv6Addr::new(0xfd0f, 0x100d, 0, 0, 0, 0, 0, 0), 40);

const FIRST_NETWORK: u32 = 0x7f_01_00_00;
const HOST_SHIFT: u32 = 64;
const NETWORK_SHIFT: u32 = 72;
const INTERFACE: u128 = 1;

/// So many addresses in so many networks, of one family.
pub(crate) struct Addresses {
    is_ipv4: bool,
    networks: usize,
    count: usize,
}

impl Addresses {
    /// About *count* addresses: each network has one at least, and no more than it has room for.
    pub(crate) fn new(is_ipv4: bool, networks: usize, count: usize) -> Self {
        Self { is_ipv4, networks, count: count.clamp(networks, networks * MOST_HOSTS) }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The address *index*; those that follow each other are of different networks.
    pub(crate) fn get(&self, index: usize) -> IpAddr {
        let (network, host) = (self.slot(index % self.networks), index / self.networks);
        if self.is_ipv4 {
            Ipv4Addr::from_bits(FIRST_NETWORK + (network << 8 | host) as u32).into()
        } else {
            let bits = (network as u128) << NETWORK_SHIFT | (host as u128) << HOST_SHIFT | INTERFACE;
            Ipv6Addr::from_bits(PREFIX.0.to_bits() | bits).into()
        }
    }

    /// The index of *ip*, if it is one of these.
    pub(crate) fn index_of(&self, ip: IpAddr) -> Option<usize> {
        let (slot, host) = match ip {
            IpAddr::V4(ip) => {
                let offset = ip.to_bits().checked_sub(FIRST_NETWORK)? as usize;
                (offset >> 8, offset % MOST_HOSTS)
            }
            IpAddr::V6(ip) => {
                let bits = ip.to_bits();
                (usize::from((bits >> NETWORK_SHIFT) as u16), usize::from((bits >> HOST_SHIFT) as u8))
            }
        };
        // The smallest network whose slot is not before this one.
        let network = (slot * self.networks).div_ceil(MOST_NETWORKS);
        let index = host * self.networks + network;
        (network < self.networks && index < self.count && self.get(index) == ip).then_some(index)
    }

    /// Where *network* lies among all that there could be.
    fn slot(&self, network: usize) -> usize {
        network * MOST_NETWORKS / self.networks
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Networks and addresses that are asked for.
    const ASKED: [(usize, usize); 7] =
        [(1, 1), (1, 4096), (16, 4096), (200, 4096), (4095, 9000), (4096, 4096), (MOST_NETWORKS, 1)];

    fn network_of(ip: IpAddr) -> u128 {
        match ip {
            IpAddr::V4(ip) => u128::from(ip.to_bits() >> 8),
            IpAddr::V6(ip) => ip.to_bits() >> 72,
        }
    }

    #[test]
    fn addresses_differ_and_lie_in_as_many_networks_as_were_asked_for() {
        for (networks, count) in ASKED {
            for is_ipv4 in [true, false] {
                let addresses = Addresses::new(is_ipv4, networks, count);
                let all: HashSet<IpAddr> = (0..addresses.len()).map(|index| addresses.get(index)).collect();
                assert_eq!(all.len(), addresses.len());
                let of_networks: HashSet<u128> = all.iter().copied().map(network_of).collect();
                assert_eq!(of_networks.len(), networks);
            }
        }
    }

    #[test]
    fn each_network_has_an_address_and_none_more_than_it_holds() {
        assert_eq!(Addresses::new(true, 200, 4096).len(), 4096);
        assert_eq!(Addresses::new(true, 200, 1).len(), 200);
        assert_eq!(Addresses::new(true, 1, 4096).len(), MOST_HOSTS);
    }

    #[test]
    fn addresses_are_on_loopback_and_none_in_the_network_that_others_use() {
        for (networks, count) in ASKED {
            let addresses = Addresses::new(true, networks, count);
            for index in 0..addresses.len() {
                let IpAddr::V4(ip) = addresses.get(index) else { panic!("IPv6") };
                assert!(ip.is_loopback() && (1..=254).contains(&ip.octets()[1]), "{ip}");
            }
        }
    }

    #[test]
    fn addresses_of_ipv6_are_within_their_prefix() {
        let addresses = Addresses::new(false, MOST_NETWORKS, 2 * MOST_NETWORKS);
        for index in [0, 1, MOST_NETWORKS - 1, MOST_NETWORKS, 2 * MOST_NETWORKS - 1] {
            let IpAddr::V6(ip) = addresses.get(index) else { panic!("IPv4") };
            assert_eq!(ip.to_bits() >> (128 - PREFIX.1), PREFIX.0.to_bits() >> (128 - PREFIX.1), "{ip}");
        }
    }

    #[test]
    fn an_address_is_found_again_and_another_is_not() {
        for (networks, count) in ASKED {
            for is_ipv4 in [true, false] {
                let addresses = Addresses::new(is_ipv4, networks, count);
                for index in 0..addresses.len() {
                    assert_eq!(addresses.index_of(addresses.get(index)), Some(index));
                }
            }
        }
        let addresses = Addresses::new(true, 200, 200);
        for other in ["127.0.0.1", "127.1.0.1", "127.1.1.0", "127.255.0.0", "10.0.0.1", "::1", "fd0f:100d::1"]
        {
            assert_eq!(addresses.index_of(other.parse().unwrap()), None, "{other}");
        }
        let addresses = Addresses::new(false, 200, 200);
        for other in ["fd0f:100d::2", "fd0f:100d:0:1::1", "fd0e:100d::1", "127.1.0.0"] {
            assert_eq!(addresses.index_of(other.parse().unwrap()), None, "{other}");
        }
    }
}
