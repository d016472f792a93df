//! The command `listen`.

use std::net::IpAddr;

use anyhow::Result;
use libp2p::futures::StreamExt;
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::swarm::StreamProtocol;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::compat::FuturesAsyncReadCompatExt;

use crate::node::{Command, Event, Kind, start};
use crate::output::emit;
use crate::serve::{PROTOCOLS, Then, serve};

pub async fn listen(ip: IpAddr, port: u16) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let address = Multiaddr::from(ip).with(Protocol::Udp(port)).with(Protocol::WebRTCDirect);
    let (mut node, address) = start(address).await?;
    for protocol in PROTOCOLS {
        accept(&mut node.streams, protocol, node.commands.clone())?;
    }
    emit(&json!({"event": "listening", "peer_id": node.peer.to_string(), "addresses": [address]}));
    loop {
        tokio::select! {
            Some(event) = node.events.recv() => report(event),
            _ = terminated.recv() => return Ok(()),
            _ = interrupted.recv() => return Ok(()),
        }
    }
}

fn accept(
    streams: &mut libp2p_stream::Control,
    protocol: &'static str,
    commands: mpsc::UnboundedSender<Command>,
) -> Result<()> {
    let mut incoming = streams.accept(StreamProtocol::new(protocol))?;
    tokio::spawn(async move {
        while let Some((peer, stream)) = incoming.next().await {
            let commands = commands.clone();
            tokio::spawn(async move {
                // Dropping a stream that was not finished resets it.
                if serve(protocol, &mut stream.compat()).await == Then::CloseConnection {
                    let _ = commands.send(Command::Close(peer));
                }
            });
        }
    });
    Ok(())
}

fn report(event: Event) {
    let (name, peer, remote) = match event.kind {
        Kind::Connected { peer, remote } => ("connected", peer, remote),
        Kind::Disconnected { peer, remote } => ("disconnected", peer, remote),
        _ => return,
    };
    emit(&json!({"event": name, "peer_id": peer.to_string(), "remote": remote}));
}
