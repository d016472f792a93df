//! Stock litep2p with WebRTC-Direct as its one transport.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use litep2p::codec::ProtocolCodec;
use litep2p::config::ConfigBuilder;
use litep2p::protocol::libp2p::{identify, ping};
use litep2p::protocol::{TransportEvent, TransportService, UserProtocol};
use litep2p::transport::webrtc::config::Config as WebRtcConfig;
use litep2p::types::multiaddr::{Multiaddr, Protocol};
use litep2p::types::protocol::ProtocolName;
use litep2p::{Litep2p, PeerId};
use tokio::sync::mpsc;

use crate::serve::{PROTOCOLS, Then, serve};

/// Longer than anything that is run: who closes is for the commands to say.
const KEEP_ALIVE: Duration = Duration::from_secs(3600);

/// Returns a node that listens; litep2p has no WebRTC without that.
pub fn start(ip: IpAddr, port: u16) -> Result<Litep2p> {
    let address = Multiaddr::from(ip).with(Protocol::Udp(port)).with(Protocol::WebRTCDirect);
    let (ping, pings) = ping::Config::default();
    let (identify, identified) = identify::Config::new("/interop/1.0.0".into(), None);
    // Their events have to be taken by somebody.
    tokio::spawn(pings.for_each(async |event| tracing::debug!(?event, "ping")));
    tokio::spawn(identified.for_each(async |event| tracing::debug!(?event, "identify")));
    let mut config = ConfigBuilder::new()
        .with_webrtc(WebRtcConfig { listen_addresses: vec![address], ..Default::default() })
        .with_keep_alive_timeout(KEEP_ALIVE)
        .with_libp2p_ping(ping)
        .with_libp2p_identify(identify);
    for protocol in PROTOCOLS {
        config = config.with_user_protocol(Box::new(Served(protocol)));
    }
    Litep2p::new(config.build()).context("listen")
}

/// One of the protocols, by its name.
struct Served(&'static str);

#[async_trait::async_trait]
impl UserProtocol for Served {
    fn protocol(&self) -> ProtocolName {
        ProtocolName::from(self.0)
    }

    fn codec(&self) -> ProtocolCodec {
        ProtocolCodec::Unspecified
    }

    async fn run(self: Box<Self>, mut service: TransportService) -> litep2p::Result<()> {
        let (sender, mut to_close) = mpsc::unbounded_channel::<PeerId>();
        loop {
            tokio::select! {
                event = service.next() => match event {
                    Some(TransportEvent::SubstreamOpened { peer, mut substream, .. }) => {
                        let (protocol, sender) = (self.0, sender.clone());
                        tokio::spawn(async move {
                            // litep2p has no reset: dropping the stream is all that there is.
                            if serve(protocol, &mut substream).await == Then::CloseConnection {
                                let _ = sender.send(peer);
                            }
                        });
                    }
                    Some(_) => {}
                    None => return Ok(()),
                },
                Some(peer) = to_close.recv() => {
                    if let Err(error) = service.force_close(peer) {
                        tracing::warn!(?error, "not closed");
                    }
                }
            }
        }
    }
}
