//! The sans-IO engine of webrtc-direct: STUN, DTLS, SCTP and data channels of many connections.
//!
//! It has no sockets, no threads and no clock: datagrams, the time and a seed come in as arguments;
//! datagrams, events and the next time come out. After any call on a [`Session`] or a [`listener::Listener`]
//! call its `flush`, then take its datagrams and its events, then ask for its `timeout`.
//!
//! Functions whose name ends in `_untrusted` take what a peer, or anybody, has sent. They never panic,
//! and what they cannot accept ends at most the connection that it came from.

#![forbid(unsafe_code)]

mod addresses;
pub mod association;
pub mod config;
pub mod dcep;
pub mod dtls;
mod event;
pub mod failure;
mod gate;
mod handshakes;
mod hello;
pub mod ice;
pub mod listener;
mod mac;
mod networks;
pub mod outbox;
mod path;
mod quota;
pub mod random;
mod rates;
mod route;
pub mod session;
mod streams;
pub mod stun;
mod table;
pub mod ufrag;
mod wire;

pub use config::Config;
pub use outbox::Outbox;
pub use route::Route;
pub use session::Session;
pub use webrtc_direct_sctp as sctp;
