//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use webrtc_direct_engine::dtls::Identity;

use crate::addresses::{MOST_HOSTS, MOST_NETWORKS};
use crate::clients::Parameters;
use crate::local;
use crate::messages::Kind;

/// Nothing runs for longer.
const MOST_SECONDS: f64 = 600.0;
const MOST_SOURCES: usize = 1 << 20;

const MOST_BATCH: usize = 32;

/// What clients need: the listener's fingerprint, and a certificate and its key.
const FILES: [&str; 3] = ["--fingerprint", "--certificate", "--key"];

const USAGE: &str = "usage: webrtc-direct-flood IP:PORT KIND [--seconds S] [--linger S] \
                     [--rate DATAGRAMS_PER_SECOND] [--sources N] [--networks N] [--random SEED] [--batch N] \
                     [--fingerprint HEX --certificate DER --key DER]";

pub(crate) struct Options {
    pub(crate) target: SocketAddr,
    pub(crate) kind: Kind,
    pub(crate) time: Duration,
    /// How long to count what comes after the last datagram was sent.
    pub(crate) linger: Duration,
    /// Datagrams per second, or clients where these are sent; as fast as it goes where there is none.
    pub(crate) rate: Option<f64>,
    /// IP addresses, in all.
    pub(crate) sources: usize,
    /// Networks that they are in: as few as hold them, where there is no number.
    pub(crate) networks: Option<usize>,
    /// What the order of the sources comes from; one after the other where there is none.
    pub(crate) random: Option<u64>,
    /// Datagrams that leave in one system call, from one address.
    pub(crate) batch: usize,
    /// What clients need to connect.
    pub(crate) client: Option<Parameters>,
}

impl Options {
    /// How many networks the sources are in.
    pub(crate) fn networks(&self) -> usize {
        self.networks.unwrap_or(self.sources.div_ceil(MOST_HOSTS))
    }
}

pub(crate) fn parse(words: &[String]) -> Result<Options, String> {
    let [target, kind, rest @ ..] = words else {
        return Err(USAGE.to_owned());
    };
    let target: SocketAddr = target.parse().map_err(|_| USAGE.to_owned())?;
    local::check(target)?;
    let kind = Kind::named(kind).ok_or_else(|| format!("no such kind; there are {}", Kind::names()))?;
    let mut options = Options {
        target,
        kind,
        time: Duration::from_secs(1),
        linger: Duration::ZERO,
        rate: None,
        sources: 4096,
        networks: None,
        random: None,
        batch: MOST_BATCH,
        client: None,
    };
    let mut files = [const { None }; 3];
    for pair in rest.chunks(2) {
        let [name, value] = pair else {
            return Err(USAGE.to_owned());
        };
        if let Some(at) = FILES.iter().position(|known| known == name) {
            files[at] = Some(value);
            continue;
        }
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
            "--networks" if (1.0..=MOST_NETWORKS as f64).contains(&value) => {
                options.networks = Some(value as usize);
            }
            "--random" if value >= 0.0 => options.random = Some(value as u64),
            "--batch" if (1.0..=MOST_BATCH as f64).contains(&value) => options.batch = value as usize,
            _ => return Err(USAGE.to_owned()),
        }
    }
    if let [Some(fingerprint), Some(certificate), Some(key)] = files {
        options.client = Some(client(fingerprint, certificate, key)?);
    } else if matches!(options.kind, Kind::After(_)) {
        return Err(format!("clients need {}", FILES.join(", ")));
    }
    Ok(options)
}

fn client(fingerprint: &str, certificate: &str, key: &str) -> Result<Parameters, String> {
    let read = |path: &str| std::fs::read(path).map_err(|error| format!("{path}: {error}"));
    let digits = fingerprint.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap_or_default());
    let bytes: Result<Vec<u8>, _> = digits.map(|two| u8::from_str_radix(two, 16)).collect();
    let fingerprint = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    let fingerprint = fingerprint.ok_or_else(|| format!("{} wants 64 digits", FILES[0]))?;
    Ok(Parameters { identity: Identity::new(read(certificate)?, read(key)?)?, fingerprint })
}
