//! litep2p as a peer for tests and benchmarks of webrtc-direct. It speaks JSON lines on stdout;
//! `interop/README.md` describes them. `RUST_LOG` lets the library speak on stderr.

// The same in both of the Rust peers; a dialer's half is not used here.
#[allow(dead_code)]
#[path = "../../rust-libp2p/src/content.rs"]
mod content;
mod node;
#[path = "../../rust-libp2p/src/output.rs"]
mod output;
#[allow(dead_code)]
#[path = "../../rust-libp2p/src/serve.rs"]
mod serve;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use litep2p::Litep2pEvent;
use litep2p::types::multiaddr::Multiaddr;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use output::emit;

/// litep2p as a peer for tests and benchmarks of webrtc-direct.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    Listen {
        #[arg(long, default_value = "127.0.0.1")]
        ip: IpAddr,
        /// 0 lets the system choose
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Ask litep2p to dial, which refuses: it only listens for WebRTC
    Dial {
        #[arg(value_name = "MULTIADDR")]
        address: Multiaddr,
        /// Seconds
        #[arg(long, default_value_t = 120.0)]
        timeout: f64,
        /// What else a dialer would be asked for
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
        steps: Vec<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let done = match Options::parse().command {
        Action::Listen { ip, port } => listen(ip, port).await,
        Action::Dial { address, timeout, .. } => dial(address, Duration::from_secs_f64(timeout)).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

async fn listen(ip: IpAddr, port: u16) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut node = node::start(ip, port)?;
    let addresses: Vec<_> = node.listen_addresses().cloned().collect();
    let peer_id = node.local_peer_id().to_string();
    emit(&json!({"event": "listening", "peer_id": peer_id, "addresses": addresses}));
    let mut remotes = HashMap::new();
    loop {
        let event = tokio::select! {
            event = node.next_event() => event.context("the node ended")?,
            _ = terminated.recv() => return Ok(()),
            _ = interrupted.recv() => return Ok(()),
        };
        let (name, peer, remote) = match event {
            Litep2pEvent::ConnectionEstablished { peer, endpoint } => {
                let remote = endpoint.address().to_string();
                remotes.insert(endpoint.connection_id(), remote.clone());
                ("connected", peer, remote)
            }
            Litep2pEvent::ConnectionClosed { peer, connection_id } => {
                ("disconnected", peer, remotes.remove(&connection_id).unwrap_or_default())
            }
            _ => continue,
        };
        emit(&json!({"event": name, "peer_id": peer.to_string(), "remote": remote}));
    }
}

async fn dial(address: Multiaddr, timeout: Duration) -> Result<()> {
    let mut node = node::start(Ipv4Addr::LOCALHOST.into(), 0)?;
    node.dial_address(address).await.context("connect")?;
    let event =
        tokio::time::timeout(timeout, node.next_event()).await.context("connect: the time is over")?;
    bail!("connect: {event:?}")
}
