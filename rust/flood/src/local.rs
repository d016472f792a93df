//! What this machine, or this network namespace, keeps to itself: nothing else is flooded.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::addresses::PREFIX;

const ROUTES: &str = "/proc/self/net/ipv6_route";
/// `RTF_LOCAL` of <linux/ipv6_route.h>.
const LOCAL: u32 = 0x8000_0000;

/// Refuse a *target* which is elsewhere, or whose answers would go elsewhere.
pub(crate) fn check(target: SocketAddr) -> Result<(), String> {
    let IpAddr::V6(ip) = target.ip() else {
        let problem = format!("{target} is not an address of this machine's loopback");
        return if target.ip().is_loopback() { Ok(()) } else { Err(problem) };
    };
    let routes = std::fs::read_to_string(ROUTES).map_err(|error| format!("{ROUTES}: {error}"))?;
    if !is_local(&routes, ip, Ipv6Addr::BITS) {
        return Err(format!("{target} is not an address of this machine, or of this network namespace"));
    }
    let (prefix, length) = PREFIX;
    if !is_local(&routes, prefix, length) {
        return Err(format!(
            "answers to the sources would leave: in a network namespace, 'ip -6 route add local {prefix}/{length} dev lo'"
        ));
    }
    Ok(())
}

/// Whether one of *routes* is local and has all of *prefix*. Linux asks for local routes before all others.
///
/// ```text
/// destination, length, source, length, next hop, metric, references, uses, flags, device
/// ```
fn is_local(routes: &str, prefix: Ipv6Addr, length: u32) -> bool {
    routes.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, its_length, _, _, _, _, _, _, flags, _] = fields[..] else {
            return false;
        };
        let (Ok(destination), Ok(its_length), Ok(flags)) = (
            u128::from_str_radix(destination, 16),
            u32::from_str_radix(its_length, 16),
            u32::from_str_radix(flags, 16),
        ) else {
            return false;
        };
        let differs = (destination ^ prefix.to_bits()).checked_shr(Ipv6Addr::BITS - its_length);
        flags & LOCAL != 0 && its_length <= length && differs.unwrap_or(0) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACE: &str = "\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fd0f100d000000000000000000000000 28 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 80000001       lo
20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00000001     eth0
";

    #[test]
    fn what_has_a_local_route_is_local() {
        let is_local = |prefix: &str, length| is_local(NAMESPACE, prefix.parse().unwrap(), length);
        assert!(is_local("::1", 128));
        assert!(is_local("fd0f:100d::", 40));
        assert!(is_local("fd0f:100d:ff::7", 128));
        assert!(!is_local("fd0f:100d::", 39));
        assert!(!is_local("fd0f:100d:100::1", 128));
        assert!(!is_local("::2", 128));
        assert!(!is_local("2001:db8::1", 128));
    }

    #[test]
    fn other_machines_are_refused() {
        assert_eq!(check("127.0.0.1:9".parse().unwrap()), Ok(()));
        for target in ["192.0.2.1:9", "0.0.0.0:9", "[2001:db8::1]:9", "[::ffff:192.0.2.1]:9"] {
            assert!(check(target.parse().unwrap()).is_err(), "{target}");
        }
    }
}
