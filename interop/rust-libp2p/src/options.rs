//! The command line; `interop/README.md` describes it.

use std::net::IpAddr;

use clap::{Parser, Subcommand, ValueEnum};
use libp2p::Multiaddr;

/// rust-libp2p as a peer for tests and benchmarks of webrtc-direct.
#[derive(Parser)]
pub struct Options {
    #[command(subcommand)]
    pub command: Action,
}

#[derive(Subcommand)]
pub enum Action {
    Listen {
        #[arg(long, default_value = "127.0.0.1")]
        ip: IpAddr,
        /// 0 lets the system choose
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    Dial(DialOptions),
}

#[derive(clap::Args)]
pub struct DialOptions {
    #[arg(value_name = "MULTIADDR")]
    pub address: Multiaddr,
    #[arg(long, default_value = "v1", value_parser = ["v1", "v2"])]
    pub version: String,
    /// Connections, one after the other; the last one is used for the rest
    #[arg(long, default_value_t = 1)]
    pub count: usize,
    /// Back to back
    #[arg(long, default_value_t = 0)]
    pub pings: usize,
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub upload: u64,
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub download: u64,
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub perf_upload: u64,
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub perf_download: u64,
    /// On each stream
    #[arg(long, default_value_t = 0, value_name = "BYTES")]
    pub echo_size: u64,
    /// That echo at once
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub echo_streams: u64,
    /// Seconds to wait after the pings, before one more
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    pub idle: f64,
    /// Each end closes its side of a stream first, once
    #[arg(long)]
    pub half_close: bool,
    /// Each end resets a stream, once
    #[arg(long)]
    pub reset: bool,
    /// Who closes the connection at the end
    #[arg(long, default_value = "dialer")]
    pub close: Closer,
    /// Seconds for all of it
    #[arg(long, default_value_t = 120.0, value_name = "SECONDS")]
    pub timeout: f64,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Closer {
    Dialer,
    Listener,
}
