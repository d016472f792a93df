//! What a connection tells whoever runs it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::association::{ChannelKey, Metrics};
use crate::ufrag::Version;

/// SHA-256 of a certificate in DER.
pub type Fingerprint = [u8; 32];

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This end closed it.
    Local,
    /// The peer closed it.
    Remote,
    /// A handshake step took too long, or the peer fell silent.
    Timeout,
    /// The peer's certificate is not the expected one.
    Fingerprint(Fingerprint),
    /// The peer broke a rule.
    Protocol,
    /// A limit of this end.
    Limit,
    /// A fault of this end.
    Fault,
}

/// How long the steps took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Until the first check was answered; unknown to a server.
    pub ice: Option<Duration>,
    /// DTLS.
    pub dtls: Option<Duration>,
    /// SCTP.
    pub sctp: Option<Duration>,
}

/// What is known once a connection is up.
#[derive(Clone, Copy, Debug)]
pub struct Established {
    /// Of the ICE credentials.
    pub version: Version,
    /// The peer.
    pub remote: SocketAddr,
    /// Its certificate.
    pub fingerprint: Fingerprint,
    /// How long it took.
    pub times: Times,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The peer of a client has answered a check; DTLS begins.
    Answered,
    /// The connection is up.
    Connected(Established),
    /// The peer opened a channel.
    Opened(ChannelKey),
    /// Whole messages of a channel, joined.
    Data(ChannelKey, Vec<u8>),
    /// So many bytes of a channel have left the queue.
    Writable(ChannelKey, usize),
    /// The peer reset a channel, or it could not be opened.
    ChannelClosed(ChannelKey),
    /// The connection ended, in kind and in words. Nothing follows.
    Closed(Reason, String),
}

/// Counters of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Bytes of UDP payload sent.
    pub bytes_sent: u64,
    /// Bytes of UDP payload received.
    pub bytes_received: u64,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Datagrams that were not sent to an address that is not validated (RFC 9000 section 8.1).
    pub withheld: u64,
    /// What SCTP says.
    pub sctp: Metrics,
    /// Channels that are open.
    pub channels: usize,
}
