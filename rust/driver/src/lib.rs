//! One thread that runs the engine over UDP sockets, for every listener and connection of the process.
//!
//! ```text
//!  callers' threads                          the engine's thread
//!  Connection, Listener ──commands, waker──> Reactor ── Endpoint ── UDP socket
//!  EventQueue           <──events, wake-up──        (Session or Listener)
//! ```
//! The thread starts with the first listener or connection and ends with the last. What a caller drops is
//! freed: a connection is aborted, a listener closed. In a forked child the parent's objects do nothing,
//! and new ones get a thread of their own.
//!
//! Nothing here grows without a bound: a caller keeps within the credit of a channel, what is delivered
//! keeps within the engine's budget for unread bytes, and datagrams that a socket does not take are lost,
//! as datagrams may be.

mod crowd;
mod endpoint;
mod frames;
mod handle;
mod options;
mod pools;
mod queue;
mod reactor;
mod socket;

pub use handle::{
    Connection, DialParameters, ListenParameters, Listener, ListenerState, abort_all, dial, listen, set_trim,
};
pub use pools::receive_pool;
pub use queue::{EventQueue, QueueEvent};
pub use webrtc_direct_engine as engine;
