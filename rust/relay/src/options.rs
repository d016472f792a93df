//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

const USAGE: &str = "usage: webrtc-direct-relay --to 127.x.y.z:PORT [--to ...] [--delay-ms MS] [--rate-mbit N] \
                     [--queue-ms MS] [--loss PERCENT] [--burst-loss PERCENT] [--burst-length N] [--jitter-ms MS] \
                     [--mtu BYTES] [--seed N] [--trace FILE]";
const NANOSECONDS_PER_MS: f64 = 1e6;
/// A minute; what waits is bounded beside it.
const MOST_MS: f64 = 60_000.0;

/// What each way of the path does.
#[derive(Clone)]
pub(crate) struct Path {
    pub(crate) bits_per_second: Option<u64>,
    /// How many bytes of packets may wait for the bottleneck.
    pub(crate) queue_limit: u64,
    pub(crate) delay: u64,
    pub(crate) jitter: u64,
    /// Shares from 0 to 1.
    pub(crate) loss: f64,
    pub(crate) burst_loss: f64,
    pub(crate) burst_length: f64,
    /// The largest packet that passes, in bytes of IP.
    pub(crate) mtu: Option<u64>,
}

pub(crate) struct Options {
    pub(crate) listeners: Vec<SocketAddr>,
    pub(crate) path: Path,
    pub(crate) seed: u64,
    pub(crate) trace: Option<PathBuf>,
}

pub(crate) fn parse(words: &[String]) -> Result<Options, String> {
    let mut options = Options {
        listeners: Vec::new(),
        path: Path {
            bits_per_second: None,
            queue_limit: 0,
            delay: 0,
            jitter: 0,
            loss: 0.0,
            burst_loss: 0.0,
            burst_length: 1.0,
            mtu: None,
        },
        seed: 1,
        trace: None,
    };
    let mut queue_ms = MOST_MS;
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            return Err(USAGE.to_owned());
        };
        let path = &mut options.path;
        match name.as_str() {
            "--to" => options.listeners.push(listener(value)?),
            "--trace" => options.trace = Some(value.into()),
            "--delay-ms" => path.delay = nanoseconds(name, value)?,
            "--jitter-ms" => path.jitter = nanoseconds(name, value)?,
            "--queue-ms" => queue_ms = number(name, value, 0.0, MOST_MS)?,
            "--rate-mbit" => path.bits_per_second = Some((number(name, value, 0.001, 1e6)? * 1e6) as u64),
            "--loss" => path.loss = number(name, value, 0.0, 100.0)? / 100.0,
            "--burst-loss" => path.burst_loss = number(name, value, 0.0, 90.0)? / 100.0,
            "--burst-length" => path.burst_length = number(name, value, 1.0, 1e6)?,
            "--mtu" => path.mtu = Some(number(name, value, 576.0, 65_535.0)? as u64),
            "--seed" => options.seed = value.parse().map_err(|_| format!("{name} wants a whole number"))?,
            _ => return Err(USAGE.to_owned()),
        }
    }
    if options.listeners.is_empty() {
        return Err(USAGE.to_owned());
    }
    let rate = options.path.bits_per_second.unwrap_or(0) as f64;
    options.path.queue_limit = (rate / 8.0 * queue_ms / 1000.0) as u64;
    Ok(options)
}

fn listener(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| USAGE.to_owned())?;
    if !address.is_ipv4() || !address.ip().is_loopback() {
        return Err(format!("{address} is not an IPv4 address of this machine's loopback"));
    }
    Ok(address)
}

fn nanoseconds(name: &str, text: &str) -> Result<u64, String> {
    Ok((number(name, text, 0.0, MOST_MS)? * NANOSECONDS_PER_MS) as u64)
}

fn number(name: &str, text: &str, least: f64, most: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{name} wants a number"))?;
    if (least..=most).contains(&value) { Ok(value) } else { Err(format!("{name} is from {least} to {most}")) }
}
