//! How large a packet the path takes (RFC 8899): data starts in small packets, and in full ones as soon as a HEARTBEAT
//! of that size is answered, a round trip later.
//!
//! A chunk keeps the size that it was given with its TSN, so none may be larger than what is known to arrive. Nothing is
//! told by ICMP, which can be forged and is often dropped.

use std::time::Instant;

use super::{Association, State};

/// A size is asked for so often before the next smaller one is (RFC 8899 section 5.1.2, MAX_PROBES).
const MAX_PROBES: u32 = 3;
/// Where the full size does not arrive: the largest that fits into an MTU of about 1070, and of 830, with DTLS, UDP and
/// IP around it.
const SMALLER: [usize; 2] = [1000, 760];

/// What is known of the path, and what is asked for.
#[derive(Debug)]
pub(super) struct PathMtu {
    /// The size that is asked for, how often it was, and when it is next.
    probe: Option<(usize, u32, Instant)>,
}

impl PathMtu {
    pub(super) fn new() -> Self {
        Self { probe: None }
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.probe.map(|(_, _, at)| at)
    }
}

impl Association {
    /// Ask for the full size first.
    pub(super) fn begin_path_mtu(&mut self, now: Instant) {
        if self.config.packet_size > self.sender.packet_size() {
            self.path_mtu.probe = Some((self.config.packet_size, 0, now));
        }
    }

    /// Ask for a size, if it is time.
    pub(super) fn probe_path_mtu(&mut self, now: Instant) {
        let Some((size, times, at)) = self.path_mtu.probe.filter(|_| self.state == State::Established) else {
            return;
        };
        if at > now {
            return;
        }
        if times < MAX_PROBES {
            self.send_heartbeat(now, size);
            self.path_mtu.probe = Some((size, times + 1, now + self.patience(times)));
            return;
        }
        let least = self.sender.packet_size();
        let next = SMALLER.into_iter().find(|smaller| *smaller < size && *smaller > least);
        self.path_mtu.probe = next.map(|next| (next, 0, now));
        self.probe_path_mtu(now);
    }

    /// A packet of this size has arrived.
    pub(super) fn take_path_mtu(&mut self, size: usize) {
        if let Some((asked, _, _)) = self.path_mtu.probe
            && size >= asked
        {
            self.sender.set_packet_size(asked);
            self.path_mtu.probe = None;
        }
    }
}
