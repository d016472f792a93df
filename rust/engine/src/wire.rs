//! Where a connection's DTLS writes to: datagrams, with their counts and with the limit on what an
//! address gets that has not proved itself, decrypted packets, and events.

use std::net::{IpAddr, SocketAddr};

use crate::dtls;
use crate::event::Stats;
use crate::outbox::Outbox;
use crate::route::Route;

/// RFC 9000 section 8.1, which the libp2p spec adopts.
pub(crate) const AMPLIFICATION: u64 = 3;

/// What DTLS writes to; apart from the rest so that both can be borrowed.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) remote: SocketAddr,
    /// The address of this machine that a server's peer sends to. A client leaves the choice to the system: its
    /// machine may move.
    pub(crate) local: Option<IpAddr>,
    /// What an address that is not validated may still be sent.
    pub(crate) allowance: Option<u64>,
    pub(crate) stats: Stats,
    pub(crate) out: Outbox,
    pub(crate) data: Vec<Vec<u8>>,
    pub(crate) events: Vec<dtls::Event>,
    /// What is sent from now on, kept to be sent again.
    pub(crate) kept: Option<Vec<Vec<u8>>>,
}

impl Wire {
    pub(crate) fn new(route: Route, allowance: Option<u64>) -> Self {
        Self {
            remote: route.remote,
            local: route.local,
            allowance,
            stats: Stats::default(),
            out: Outbox::default(),
            data: Vec::new(),
            events: Vec::new(),
            kept: None,
        }
    }

    pub(crate) fn route(&self) -> Route {
        Route { remote: self.remote, local: self.local }
    }

    /// Take another route. Returns whether the peer is somewhere else now.
    pub(crate) fn take(&mut self, route: Route) -> bool {
        self.local = route.local;
        std::mem::replace(&mut self.remote, route.remote) != route.remote
    }

    /// Send a datagram, if its address may have it.
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        let length = datagram.len() as u64;
        if let Some(allowance) = &mut self.allowance {
            if *allowance < length {
                // DTLS repeats it, when the peer has said more.
                self.stats.withheld += 1;
                return;
            }
            *allowance -= length;
        }
        if let Some(kept) = &mut self.kept {
            kept.push(datagram.to_vec());
        }
        self.stats.datagrams_sent += 1;
        self.stats.bytes_sent += length;
        self.out.push(self.route(), datagram);
    }

    /// Count a datagram of the peer's.
    pub(crate) fn received(&mut self, length: usize) {
        self.stats.datagrams_received += 1;
        self.stats.bytes_received += length as u64;
        if let Some(allowance) = &mut self.allowance {
            *allowance += AMPLIFICATION * length as u64;
        }
    }
}

impl dtls::Sink for Wire {
    fn datagram(&mut self, datagram: &[u8]) {
        self.send(datagram);
    }

    fn data(&mut self, data: &[u8]) {
        self.data.push(data.to_vec());
    }

    fn event(&mut self, event: dtls::Event) {
        self.events.push(event);
    }
}
