//! Where a datagram comes from or goes to, with the address of this machine that it is or was sent to.

use std::net::{IpAddr, SocketAddr};

/// The two ends of a datagram's way.
///
/// A socket on all addresses gets datagrams that were sent to any of them, and an answer from another one
/// would not be taken. What is to be sent therefore names the right one: a stranger's answer the one of its
/// question, a connection the one to which its client last proved to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The other end.
    pub remote: SocketAddr,
    /// The address of this machine; `None` where the system chooses it.
    pub local: Option<IpAddr>,
}

impl From<SocketAddr> for Route {
    fn from(remote: SocketAddr) -> Self {
        Self { remote, local: None }
    }
}
