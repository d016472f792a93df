//! What an association tells whoever runs it.

use std::time::Duration;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The association is up.
    Established,
    /// The peer has reset its half of these streams, all that it has where there are none.
    Reset {
        /// Their ids.
        streams: Vec<u16>,
        /// So many messages, ever, were complete before it: they come first.
        after: u64,
    },
    /// The peer has taken the reset of this end's half of these streams.
    ResetDone(Vec<u16>),
    /// The peer refuses it.
    ResetRefused(Vec<u16>),
    /// The association is over. Nothing follows.
    Ended {
        /// Who or what has ended it.
        by: By,
        /// Why, in words.
        words: String,
    },
}

/// Who or what ends an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The peer.
    Peer,
    /// The peer has broken a rule.
    Violation,
    /// This end's caller.
    Caller,
    /// The path, which does not carry what there is to send.
    Path,
}

/// A message that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The stream that it came on.
    pub stream: u16,
    /// Payload protocol identifier.
    pub ppid: u32,
    /// The message; empty if it was too long.
    pub payload: Vec<u8>,
    /// Whether it was longer than `Config::max_message`.
    pub is_oversized: bool,
}

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// SCTP has no empty messages.
    #[error("an SCTP message has at least one byte")]
    Empty,
    /// The peer takes fewer streams, or this end offers fewer.
    #[error("stream {0} is not one of those that both ends have")]
    Stream(u16),
    /// The association has ended or is ending.
    #[error("the association has ended")]
    Ended,
}

/// Why streams cannot be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResetError {
    /// There is no association, or none any more.
    #[error("the association is not up")]
    NotUp,
    /// The peer does not know RFC 6525.
    #[error("the peer cannot reset streams (RFC 6525)")]
    Unsupported,
}

/// Counters and gauges.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metrics {
    /// Smoothed round trip time; zero while unknown.
    pub round_trip_time: Duration,
    /// Least round trip time of late; zero while unknown.
    pub least_round_trip_time: Duration,
    /// Congestion window, in bytes.
    pub congestion_window: u64,
    /// How fast packets may leave, in bytes a second; zero while nothing holds them back.
    pub pacing_rate: u64,
    /// Bytes sent, and neither acknowledged nor taken for lost.
    pub in_flight: u64,
    /// What the peer would take now, in bytes.
    pub peer_window: u64,
    /// What this end offers, in bytes.
    pub receive_window: u64,
    /// Largest packet, in bytes.
    pub packet_size: usize,
    /// Packets sent that held data.
    pub data_packets: u64,
    /// Packets sent that held retransmitted data.
    pub retransmitted_packets: u64,
    /// Chunks taken for lost that had arrived.
    pub spurious: u64,
    /// Expiries of the retransmission timer.
    pub timeouts: u64,
    /// Packets of the peer's that were not taken.
    pub refused_packets: u64,
    /// SACKs sent.
    pub sacks: u64,
    /// Streams that the peer may receive on, and those it may send on.
    pub outgoing_streams: u16,
    /// See `outgoing_streams`.
    pub incoming_streams: u16,
}
