//! The command `dial`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use libp2p::PeerId;
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::swarm::{ConnectionId, StreamProtocol};
use serde_json::{Value, json};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use crate::content::{Content, DOWNLOAD, UPLOAD};
use crate::node::{Command, Event, Kind, Node, start};
use crate::options::{Closer, DialOptions};
use crate::output::emit;
use crate::serve::{
    CLOSE, DIALER_FIRST, HALF_CLOSE, HALF_CLOSE_DOWN, HALF_CLOSE_SEED, HALF_CLOSE_UP, LISTENER_FIRST, RESET,
    RESET_BY_DIALER, RESET_BY_LISTENER, expect_reset, read_byte,
};

pub type Stream = Compat<libp2p::Stream>;

pub struct Dialer {
    node: Node,
    target: PeerId,
    deadline: tokio::time::Instant,
    connection: Option<ConnectionId>,
    connected: Instant,
    result: Value,
}

pub async fn dial(options: &DialOptions) -> Result<()> {
    let Some(Protocol::P2p(target)) = options.address.iter().last() else {
        bail!("{} does not end with /p2p/…", options.address);
    };
    let (node, _) = start(beside(&options.address)?).await?;
    let result = json!({
        "event": "result", "local_peer_id": node.peer.to_string(), "peer_id": target.to_string(),
        "address": options.address, "version": options.version,
        "agent": null, "protocols": null, "connect_ms": [], "identify_ms": [], "ping_ms": null,
        "idle_ping_ms": null, "upload": null, "download": null, "perf_upload": null, "perf_download": null,
        "echo": null, "half_close": null, "reset": null, "closed_after_ms": null,
    });
    let deadline = tokio::time::Instant::now() + Duration::from_secs_f64(options.timeout);
    let mut dialer = Dialer { node, target, deadline, connection: None, connected: Instant::now(), result };
    for index in 1..=options.count {
        within(deadline, "connect", dialer.connect(&options.address)).await?;
        within(deadline, "identify", dialer.identify()).await?;
        if index == options.count {
            dialer.run(options).await?;
        }
        if index < options.count || options.close == Closer::Dialer {
            dialer.node.commands.send(Command::Close(target)).context("close")?;
            within(deadline, "close", dialer.closed()).await?;
        }
    }
    emit(&dialer.result);
    Ok(())
}

/// Any address of the family of another one: this rust-libp2p dials from a socket that listens.
fn beside(address: &Multiaddr) -> Result<Multiaddr> {
    let ip: IpAddr = match address.iter().next() {
        Some(Protocol::Ip4(_)) => Ipv4Addr::UNSPECIFIED.into(),
        Some(Protocol::Ip6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        _ => bail!("{address} does not begin with /ip4/… or /ip6/…"),
    };
    Ok(Multiaddr::from(ip).with(Protocol::Udp(0)).with(Protocol::WebRTCDirect))
}

impl Dialer {
    async fn connect(&mut self, address: &Multiaddr) -> Result<()> {
        let started = Instant::now();
        self.node.commands.send(Command::Dial(address.clone()))?;
        loop {
            match self.event().await? {
                Event { kind: Kind::Connected { .. }, at, connection } => {
                    self.connection = connection;
                    self.connected = at;
                    self.sample("connect_ms", at - started);
                    return Ok(());
                }
                Event { kind: Kind::NotConnected(error), .. } => bail!("{error}"),
                _ => {}
            }
        }
    }

    /// Waits for identify, so that a sample holds nothing of the connection before.
    async fn identify(&mut self) -> Result<()> {
        loop {
            let event = self.event().await?;
            if event.connection != self.connection {
                continue;
            }
            match event.kind {
                Kind::Identified(info) => {
                    let protocols: Vec<_> = info.protocols.iter().map(StreamProtocol::as_ref).collect();
                    self.result["agent"] = json!(info.agent_version);
                    self.result["protocols"] = json!(protocols);
                    self.sample("identify_ms", event.at - self.connected);
                    return Ok(());
                }
                Kind::NotIdentified(error) => bail!("{error}"),
                Kind::Disconnected { .. } => bail!("the connection ended"),
                _ => {}
            }
        }
    }

    /// Does the steps on the connection that is there.
    async fn run(&mut self, options: &DialOptions) -> Result<()> {
        let deadline = self.deadline;
        if options.pings > 0 {
            self.result["ping_ms"] = json!(within(deadline, "ping", self.ping(options.pings)).await?);
        }
        if options.idle > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(options.idle)).await;
            self.result["idle_ping_ms"] = json!(within(deadline, "idle", self.ping(1)).await?[0]);
        }
        if options.upload > 0 {
            let upload = self.checked(options.upload, 0);
            self.result["upload"] = within(deadline, "upload", upload).await?;
        }
        if options.download > 0 {
            let download = self.checked(0, options.download);
            self.result["download"] = within(deadline, "download", download).await?;
        }
        if options.perf_upload > 0 {
            let upload = self.perf(options.perf_upload, 0);
            self.result["perf_upload"] = within(deadline, "perf upload", upload).await?;
        }
        if options.perf_download > 0 {
            let download = self.perf(0, options.perf_download);
            self.result["perf_download"] = within(deadline, "perf download", download).await?;
        }
        if options.echo_size > 0 {
            let echo = self.echo(options.echo_size, options.echo_streams);
            self.result["echo"] = within(deadline, "echo", echo).await?;
        }
        if options.half_close {
            within(deadline, "half-close", self.half_close()).await?;
            self.result["half_close"] = json!(true);
        }
        if options.reset {
            within(deadline, "reset", self.reset()).await?;
            self.result["reset"] = json!(true);
        }
        if options.close == Closer::Listener {
            let took = within(deadline, "close", self.closed_by_listener()).await?;
            self.result["closed_after_ms"] = json!(milliseconds(took));
        }
        Ok(())
    }

    /// Has each end finish writing first, once, and the other one answer after that FIN.
    async fn half_close(&self) -> Result<()> {
        let up = Content::new(HALF_CLOSE_SEED, UPLOAD);
        let down = Content::new(HALF_CLOSE_SEED, DOWNLOAD);
        let first = async {
            let mut stream = self.open_for(HALF_CLOSE, DIALER_FIRST).await?;
            up.send_all(&mut stream, HALF_CLOSE_UP).await?;
            down.receive(&mut stream, HALF_CLOSE_DOWN).await
        };
        first.await.context("the dialer first")?;
        let second = async {
            let mut stream = self.open_for(HALF_CLOSE, LISTENER_FIRST).await?;
            down.receive(&mut stream, HALF_CLOSE_DOWN).await?;
            up.send_all(&mut stream, HALF_CLOSE_UP).await
        };
        second.await.context("the listener first")?;
        self.settle().await
    }

    /// Has each end reset a stream, once.
    async fn reset(&self) -> Result<()> {
        let mut stream = self.open_for(RESET, RESET_BY_LISTENER).await.context("by the listener")?;
        expect_reset(&mut stream).await.context("by the listener")?;
        let mut stream = self.open_for(RESET, RESET_BY_DIALER).await.context("by the dialer")?;
        match read_byte(&mut stream).await.context("by the dialer")? {
            RESET_BY_DIALER => {}
            echoed => bail!("by the dialer: the peer echoed {echoed}"),
        }
        // It was not finished, so this resets it.
        drop(stream);
        self.settle().await
    }

    /// Asks the listener to close the connection, and measures until that is noticed here.
    async fn closed_by_listener(&mut self) -> Result<Duration> {
        let started = Instant::now();
        let _stream = self.open_for(CLOSE, 1).await?;
        Ok(self.closed().await? - started)
    }

    async fn closed(&mut self) -> Result<Instant> {
        loop {
            if let Event { kind: Kind::Disconnected { .. }, at, .. } = self.event().await? {
                return Ok(at);
            }
        }
    }

    pub async fn open(&self, protocol: &'static str) -> Result<Stream> {
        let stream =
            self.node.streams.clone().open_stream(self.target, StreamProtocol::new(protocol)).await?;
        Ok(stream.compat())
    }

    async fn event(&mut self) -> Result<Event> {
        self.node.events.recv().await.context("the node ended")
    }

    fn sample(&mut self, name: &str, took: Duration) {
        if let Value::Array(samples) = &mut self.result[name] {
            samples.push(json!(milliseconds(took)));
        }
    }
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// Runs a step until the time for all of them is over.
async fn within<T>(
    deadline: tokio::time::Instant,
    step: &'static str,
    run: impl Future<Output = Result<T>>,
) -> Result<T> {
    let done = tokio::time::timeout_at(deadline, run).await;
    done.context("the time is over").and_then(|result| result).context(step)
}
