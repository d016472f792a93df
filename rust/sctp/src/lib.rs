//! SCTP for data channels: RFC 9260 with RFC 6525 (resets), RFC 7053 (immediate SACKs), RFC 8985 (RACK-TLP loss
//! detection, for SCTP), RFC 9653 (no checksum inside DTLS), congestion control by BBR or CUBIC, and pacing.
//!
//! It does no input or output and reads no clock: packets, times and a seed are arguments. Messages are reliable; what is
//! sent is ordered within its stream unless told otherwise, and both are taken from the peer.
//!
//! # How to drive an association
//!
//! Feed it: `connect`, `handle_packet_untrusted`, `handle_timeout`, `send`, `receive`, `reset`. Then drain it:
//! `next_event` until there is none, and `next_packet` until it says `false`. Then `timeout` says when to call
//! `handle_timeout` and drain again; pacing is part of that time. Nothing that a peer sends makes it panic, and what it
//! keeps is bounded by the window that it has offered, and by the `Pool` that associations share.

#![forbid(unsafe_code)]

mod association;
mod config;
pub mod congestion;
mod event;
mod pacer;
mod packet;
mod ranges;
mod rate;
mod receive;
mod resets;
mod send;
mod serial;

pub use association::Association;
pub use bytes::Bytes;
pub use config::Config;
pub use event::{By, Event, Message, Metrics, ResetError, SendError};
pub use receive::pool::Pool;
