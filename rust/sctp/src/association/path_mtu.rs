//! How large a packet the path takes (RFC 8899): data starts in small packets, and in full ones as soon as a HEARTBEAT
//! of that size is answered, a round trip later.
//!
//! A chunk keeps the size that it was given with its TSN, so none may be larger than what is known to arrive. Nothing is
//! told by ICMP, which can be forged and is often dropped.

use std::time::Instant;

use super::{Association, State};

/// Sizes are asked for so often (RFC 8899 section 5.1.2, MAX_PROBES).
const MAX_PROBES: u32 = 3;
/// Beside the full size: the largest that fit into an MTU of about 1070, and of 830, with DTLS, UDP and IP around them.
const SMALLER: [usize; 2] = [1000, 760];

/// The sizes that are used where they arrive, the largest first, none beyond the *full* one.
fn sizes(full: usize) -> impl Iterator<Item = usize> {
    [full].into_iter().chain(SMALLER.into_iter().filter(move |size| *size < full))
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct PathMtu {
    /// How often all sizes were asked for, and when they are next.
    probe: Option<(u32, Instant)>,
}

impl PathMtu {
    pub(super) fn new() -> Self {
        Self { probe: None }
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.probe.map(|(_, at)| at)
    }
}

impl Association {
    /// Begin to ask.
    pub(super) fn begin_path_mtu(&mut self, now: Instant) {
        if self.config.packet_size > self.sender.packet_size() {
            self.path_mtu.probe = Some((0, now));
        }
    }

    /// Ask for all sizes, if it is time: the largest that is answered counts.
    pub(super) fn probe_path_mtu(&mut self, now: Instant) {
        let Some((times, at)) = self.path_mtu.probe.filter(|_| self.state == State::Established) else {
            return;
        };
        if at > now {
            return;
        }
        self.path_mtu.probe = (times < MAX_PROBES).then(|| (times + 1, now + self.patience(times)));
        if times == MAX_PROBES {
            return;
        }
        let known = self.sender.packet_size();
        for size in sizes(self.config.packet_size).filter(|size| *size > known) {
            self.send_heartbeat(now, size);
        }
    }

    /// A packet of this size has arrived.
    pub(super) fn take_path_mtu(&mut self, size: usize) {
        if let Some(largest) = sizes(self.config.packet_size).find(|known| *known <= size)
            && largest > self.sender.packet_size()
        {
            self.sender.set_packet_size(largest);
            if largest == self.config.packet_size {
                self.path_mtu.probe = None;
            }
        }
    }
}
