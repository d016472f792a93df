//! Stock rust-libp2p with WebRTC-Direct as its one transport, and the task that drives it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionId, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, Transport, identify, ping};
use libp2p_webrtc::tokio::{Certificate, Transport as WebRtc};
use tokio::sync::mpsc;

/// Longer than anything that is run: who closes is for the commands to say.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

#[derive(NetworkBehaviour)]
struct Behaviour {
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    stream: libp2p_stream::Behaviour,
}

pub enum Command {
    Dial(Multiaddr),
    Close(PeerId),
}

/// What happened to a connection.
pub struct Event {
    pub at: Instant,
    /// `None`: of a dial that failed before there was one.
    pub connection: Option<ConnectionId>,
    pub kind: Kind,
}

pub enum Kind {
    Connected { peer: PeerId, remote: Multiaddr },
    Identified(Box<identify::Info>),
    NotIdentified(String),
    NotConnected(String),
    Disconnected { peer: PeerId, remote: Multiaddr },
}

pub struct Node {
    pub peer: PeerId,
    pub streams: libp2p_stream::Control,
    pub commands: mpsc::UnboundedSender<Command>,
    pub events: mpsc::UnboundedReceiver<Event>,
}

/// Starts a node and returns it with the full address that it listens on.
pub async fn start(listen: Multiaddr) -> Result<(Node, Multiaddr)> {
    let mut swarm = SwarmBuilder::with_existing_identity(Keypair::generate_ed25519())
        .with_tokio()
        .with_other_transport(|key| {
            let certificate = Certificate::generate(&mut rand::rng())?;
            Ok(WebRtc::new(key.clone(), certificate)
                .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection))))
        })?
        .with_behaviour(|key| Behaviour {
            ping: ping::Behaviour::default(),
            // No addresses are kept: no step may dial another connection.
            identify: identify::Behaviour::new(
                identify::Config::new("/interop/1.0.0".into(), key.public()).with_cache_size(0),
            ),
            stream: libp2p_stream::Behaviour::new(),
        })
        .map_err(|never: Infallible| match never {})?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE_TIMEOUT))
        .build();
    let address = listening(&mut swarm, listen).await?;
    let (command_sender, commands) = mpsc::unbounded_channel();
    let (event_sender, events) = mpsc::unbounded_channel();
    let node = Node {
        peer: *swarm.local_peer_id(),
        streams: swarm.behaviour().stream.new_control(),
        commands: command_sender,
        events,
    };
    tokio::spawn(drive(swarm, commands, event_sender));
    Ok((node, address))
}

async fn listening(swarm: &mut Swarm<Behaviour>, address: Multiaddr) -> Result<Multiaddr> {
    swarm.listen_on(address).context("listen")?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => {
                return address.with_p2p(*swarm.local_peer_id()).ok().context("an address of another peer");
            }
            SwarmEvent::ListenerError { error, .. } => bail!("listen: {error}"),
            SwarmEvent::ListenerClosed { reason, .. } => bail!("listen: closed: {reason:?}"),
            _ => {}
        }
    }
}

async fn drive(
    mut swarm: Swarm<Behaviour>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::UnboundedSender<Event>,
) {
    loop {
        let event = tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Dial(address)) => {
                    let failed = swarm.dial(address).err();
                    failed.map(|error| Event {
                        at: Instant::now(),
                        connection: None,
                        kind: Kind::NotConnected(with_sources(&error)),
                    })
                }
                Some(Command::Close(peer)) => {
                    // It fails where the peer was faster, and that is an event of its own.
                    let _ = swarm.disconnect_peer_id(peer);
                    None
                }
                None => return,
            },
            event = swarm.select_next_some() => event_of(event),
        };
        if let Some(event) = event
            && events.send(event).is_err()
        {
            return;
        }
    }
}

fn event_of(event: SwarmEvent<BehaviourEvent>) -> Option<Event> {
    let (connection, kind) = match event {
        SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => (
            Some(connection_id),
            Kind::Connected { peer: peer_id, remote: endpoint.get_remote_address().clone() },
        ),
        SwarmEvent::ConnectionClosed { peer_id, connection_id, endpoint, cause, .. } => {
            tracing::info!("the connection ended: {cause:?}");
            (
                Some(connection_id),
                Kind::Disconnected { peer: peer_id, remote: endpoint.get_remote_address().clone() },
            )
        }
        SwarmEvent::OutgoingConnectionError { error, .. } => (None, Kind::NotConnected(with_sources(&error))),
        SwarmEvent::IncomingConnectionError { error, .. } => {
            tracing::warn!("an incoming connection failed: {}", with_sources(&error));
            return None;
        }
        SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => match event {
            identify::Event::Received { connection_id, info, .. } => {
                (Some(connection_id), Kind::Identified(Box::new(info)))
            }
            identify::Event::Error { connection_id, error, .. } => {
                (Some(connection_id), Kind::NotIdentified(with_sources(&error)))
            }
            _ => return None,
        },
        other => {
            tracing::debug!("{other:?}");
            return None;
        }
    };
    Some(Event { at: Instant::now(), connection, kind })
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
