//! One shape for the ends of several implementations.

pub mod dcsctp;
pub mod ours;
pub mod sctp_proto;

use std::time::Instant;

use webrtc_direct_sctp::congestion;

use self::dcsctp::Dcsctp;
use self::ours::Ours;
use self::sctp_proto::SctpProto;

/// The largest packet that any end makes.
pub const PACKET: usize = 1191;
/// RFC 8831 section 8: binary data.
pub const BINARY: u32 = 53;

/// A message as its reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub stream: u16,
    pub ppid: u32,
    pub payload: Vec<u8>,
}

/// What an end has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Up,
    /// The peer has reset these; so many messages, ever, come before it.
    Reset {
        streams: Vec<u16>,
        after: u64,
    },
    /// The peer has answered that these are reset.
    ResetDone(Vec<u16>),
    ResetRefused(Vec<u16>),
    Ended(String),
}

/// How an end is made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub receive_window: usize,
    /// What may be held beyond the first window, where the end has such a setting.
    pub pool: usize,
    pub largest_message: usize,
    /// RFC 9653: offer to do without checksums.
    pub without_checksums: bool,
    /// Of this crate's ends.
    pub controller: congestion::Kind,
    pub seed: u64,
}

impl Settings {
    pub fn new(seed: u64) -> Self {
        Self {
            receive_window: 1 << 20,
            pool: 256 << 20,
            largest_message: 64 << 10,
            without_checksums: false,
            controller: congestion::Kind::default(),
            seed,
        }
    }
}

/// An end of an association. After each call, drain `next_packet`, `next_event` and what you want of
/// `receive`; then `timeout` says when to call `handle_timeout`.
pub trait End {
    fn connect(&mut self, now: Instant);
    fn handle_packet(&mut self, packet: &[u8], now: Instant);
    fn timeout(&self) -> Option<Instant>;
    fn handle_timeout(&mut self, now: Instant);
    fn next_packet(&mut self, now: Instant) -> Option<Vec<u8>>;
    fn next_event(&mut self) -> Option<Event>;
    /// Whether it is queued.
    fn send(&mut self, message: Message, unordered: bool, now: Instant) -> bool;
    fn receive(&mut self, now: Instant) -> Option<Message>;
    /// Bytes that wait to be sent on a stream.
    fn queued(&mut self, stream: u16) -> usize;
    /// Whether it is asked for.
    fn reset(&mut self, streams: &[u16], now: Instant) -> bool;
    fn shutdown(&mut self, now: Instant);
    fn abort(&mut self, now: Instant);
    fn is_up(&self) -> bool;
    /// Whether it drops what nobody has read when the association ends.
    fn forgets_unread(&self) -> bool {
        false
    }
    /// Packets or chunks that it has sent again, if it counts them.
    fn sent_again(&self) -> Option<u64> {
        None
    }
    /// Where it is, in words.
    fn state(&self) -> String {
        String::new()
    }
    /// How often its retransmission timer has expired, if it counts that.
    fn timeouts(&self) -> Option<u64> {
        None
    }
}

/// Every pair with this crate as an end: what has to hold.
pub const PAIRS: [[Kind; 2]; 5] = [
    [Kind::Ours, Kind::Ours],
    [Kind::Ours, Kind::Dcsctp],
    [Kind::Dcsctp, Kind::Ours],
    [Kind::Ours, Kind::SctpProto],
    [Kind::SctpProto, Kind::Ours],
];
/// The others, which prove the network.
pub const REFERENCES: [[Kind; 2]; 4] = [
    [Kind::Dcsctp, Kind::Dcsctp],
    [Kind::Dcsctp, Kind::SctpProto],
    [Kind::SctpProto, Kind::Dcsctp],
    [Kind::SctpProto, Kind::SctpProto],
];

/// Which implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    /// Chrome's and Firefox's.
    Dcsctp,
    /// str0m's.
    SctpProto,
}

impl Kind {
    pub fn make(self, settings: Settings, now: Instant) -> Box<dyn End> {
        match self {
            Self::Ours => Box::new(Ours::new(settings, now)),
            Self::Dcsctp => Box::new(Dcsctp::new(settings, now)),
            Self::SctpProto => Box::new(SctpProto::new(settings)),
        }
    }
}
