//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use crate::messages::Kind;

/// Nothing runs for longer.
const MOST_SECONDS: f64 = 600.0;
/// 127.0.0.0/8 less the first and the last /16.
const MOST_SOURCES: usize = 1 << 20;

const MOST_BATCH: usize = 32;

const USAGE: &str = "usage: webrtc-direct-flood 127.x.y.z:PORT KIND [--seconds S] [--linger S] \
                     [--rate DATAGRAMS_PER_SECOND] [--sources N] [--batch N]";

pub(crate) struct Options {
    pub(crate) target: SocketAddr,
    pub(crate) kind: Kind,
    pub(crate) time: Duration,
    /// How long to count what comes after the last datagram was sent.
    pub(crate) linger: Duration,
    /// Datagrams per second; as fast as it goes where there is none.
    pub(crate) rate: Option<f64>,
    /// IP addresses.
    pub(crate) sources: usize,
    /// Datagrams that leave in one system call, from one address.
    pub(crate) batch: usize,
}

pub(crate) fn parse(words: &[String]) -> Result<Options, String> {
    let [target, kind, rest @ ..] = words else {
        return Err(USAGE.to_owned());
    };
    let target: SocketAddr = target.parse().map_err(|_| USAGE.to_owned())?;
    if !target.is_ipv4() || !target.ip().is_loopback() {
        return Err(format!("{target} is not an IPv4 address of this machine's loopback"));
    }
    let kind = Kind::named(kind).ok_or_else(|| format!("no such kind; there are {}", Kind::names()))?;
    let mut options = Options {
        target,
        kind,
        time: Duration::from_secs(1),
        linger: Duration::ZERO,
        rate: None,
        sources: 4096,
        batch: MOST_BATCH,
    };
    for pair in rest.chunks(2) {
        let [name, value] = pair else {
            return Err(USAGE.to_owned());
        };
        let value: f64 = value.parse().map_err(|_| format!("{name} wants a number"))?;
        match name.as_str() {
            "--seconds" if (0.0..=MOST_SECONDS).contains(&value) => {
                options.time = Duration::from_secs_f64(value);
            }
            "--linger" if (0.0..=MOST_SECONDS).contains(&value) => {
                options.linger = Duration::from_secs_f64(value);
            }
            "--rate" if value > 0.0 => options.rate = Some(value),
            "--sources" if (1.0..=MOST_SOURCES as f64).contains(&value) => options.sources = value as usize,
            "--batch" if (1.0..=MOST_BATCH as f64).contains(&value) => options.batch = value as usize,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}
