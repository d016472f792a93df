//! Every bound and time of an association, in one place.

use std::sync::Arc;
use std::time::Duration;

use crate::congestion::Kind;
use crate::receive::pool::Pool;

/// The settings of an association.
#[derive(Clone, Debug)]
pub struct Config {
    /// Port of this end.
    pub local_port: u16,
    /// Port of the peer.
    pub remote_port: u16,
    /// Largest packet, in bytes.
    pub packet_size: usize,
    /// Largest packet with data until a larger one is known to arrive, in bytes: what fits into an IPv4 packet of 576
    /// bytes, which every path takes (RFC 791), with DTLS and UDP around it.
    pub first_packet_size: usize,
    /// The receive window that INIT and INIT ACK announce, in bytes. dcsctp, which browsers run, takes it for its slow
    /// start threshold and hardly grows beyond it, so it is large; the SACKs that follow say what may be in flight.
    pub announced_window: usize,
    /// The receive window that the first SACKs offer, in bytes; so much may be held whatever other associations hold.
    pub first_window: usize,
    /// What the receive window may grow to as the path asks for it, and what may be held for a reader, in bytes.
    pub receive_window: usize,
    /// What may be held beyond `first_window`, by all associations that share it.
    pub pool: Arc<Pool>,
    /// A received message; of a longer one nothing is kept, and the reader is told.
    pub max_message: usize,
    /// Streams in each direction.
    pub streams: u16,
    /// An association that sends no data asks so often whether the peer is there.
    pub heartbeat_interval: Duration,
    /// How long an acknowledgement waits for data to go with, or for a second packet to acknowledge.
    pub ack_delay: Duration,
    /// First wait for the answer to INIT, COOKIE ECHO and the first data.
    pub initial_timeout: Duration,
    /// What the retransmission timer adds to the round trip time at least: more than the 200 ms that a peer may
    /// delay its acknowledgement (RFC 9260 section 6.2).
    pub min_timeout: Duration,
    /// Longest wait before something is sent again.
    pub max_timeout: Duration,
    /// What decides how much may be in flight.
    pub controller: Kind,
    /// Whether packets go without a checksum to a peer that takes them so (RFC 9653): inside DTLS.
    pub omit_checksum: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            local_port: 5000,
            remote_port: 5000,
            packet_size: 1191,
            first_packet_size: 508,
            announced_window: 4 << 20,
            first_window: 128 * 1024,
            receive_window: 16 << 20,
            pool: Pool::new(256 << 20),
            max_message: 64 * 1024,
            streams: u16::MAX,
            heartbeat_interval: Duration::from_secs(5),
            ack_delay: Duration::from_millis(20),
            initial_timeout: Duration::from_millis(300),
            min_timeout: Duration::from_millis(220),
            max_timeout: Duration::from_secs(3),
            controller: Kind::default(),
            omit_checksum: true,
        }
    }
}
