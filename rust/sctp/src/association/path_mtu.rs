//! How large a packet the path takes (RFC 8899): data starts in small packets, and in full ones as soon as a HEARTBEAT
//! of that size is answered, a round trip later.
//!
//! A chunk keeps the size that it was given with its TSN, so none may be larger than what is known to arrive. Nothing is
//! told by ICMP, which can be forged and is often dropped.
//!
//! A path that takes no full packets any more is a black hole for the chunks that have such a size. Where one was sent
//! again and again, HEARTBEATs ask: if small ones are answered and none of the chunk's size is, the association ends.

use std::time::Instant;

use super::{Association, State};

/// Sizes are asked for so often (RFC 8899 section 5.1.2, MAX_PROBES).
const MAX_PROBES: u32 = 3;
/// Beside the full size: the largest that fit into an MTU of about 1070, and of 830, with DTLS, UDP and IP around them.
const SMALLER: [usize; 2] = [1000, 760];
/// A chunk that was sent so often may be in a black hole (RFC 8899 section 4.3).
const SUSPECT_AFTER: u32 = 5;
/// Rounds of one small and one large HEARTBEAT, and how many small ones have to be answered for it to be one.
const ROUNDS: u32 = 10;
const LEAST_ANSWERED: u32 = 5;

/// The sizes that are used where they arrive, the largest first, none beyond the *full* one.
fn sizes(full: usize) -> impl Iterator<Item = usize> {
    [full].into_iter().chain(SMALLER.into_iter().filter(move |size| *size < full))
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct PathMtu {
    /// How often all sizes were asked for, and when they are next.
    probe: Option<(u32, Instant)>,
    suspicion: Option<Suspicion>,
    /// The chunk, and how often it was sent, of which it turned out that such packets arrive.
    cleared: (u64, u32),
}

/// What is known of a chunk that may be in a black hole.
#[derive(Debug)]
struct Suspicion {
    tsn: u64,
    /// Of the packet that it is in.
    size: usize,
    rounds: u32,
    answered: u32,
    next: Instant,
}

impl PathMtu {
    pub(super) fn new() -> Self {
        Self { probe: None, suspicion: None, cleared: (0, 0) }
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        let suspicion = self.suspicion.as_ref().map(|suspicion| suspicion.next);
        [self.probe.map(|(_, at)| at), suspicion].into_iter().flatten().min()
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

    /// Watch the oldest chunk that has not arrived, and find out why if it was sent too often.
    pub(super) fn watch_path_mtu(&mut self, now: Instant) {
        let Some((tsn, size, transmissions)) = self.sender.oldest() else {
            self.path_mtu.suspicion = None;
            return;
        };
        let (cleared, times) = self.path_mtu.cleared;
        let suspect_at = if tsn == cleared { times * 2 } else { SUSPECT_AFTER };
        match &mut self.path_mtu.suspicion {
            Some(suspicion) if suspicion.tsn == tsn => {
                if suspicion.next <= now {
                    self.ask_of_black_hole(now);
                }
            }
            suspicion => {
                let is_suspect = transmissions >= suspect_at && size > self.config.first_packet_size;
                *suspicion = is_suspect.then_some(Suspicion { tsn, size, rounds: 0, answered: 0, next: now });
                if is_suspect {
                    self.ask_of_black_hole(now);
                }
            }
        }
    }

    fn ask_of_black_hole(&mut self, now: Instant) {
        let pause = self.patience(0);
        let Some(suspicion) = &mut self.path_mtu.suspicion else { return };
        let size = suspicion.size;
        if suspicion.rounds < ROUNDS {
            suspicion.rounds += 1;
            suspicion.next = now + pause;
            // In this order, for an answer says that earlier ones are not waited for any more.
            self.send_heartbeat(now, 0);
            self.send_heartbeat(now, size);
        } else if suspicion.answered >= LEAST_ANSWERED {
            self.give_up_path(format!(
                "packets of {size} bytes do not arrive any more, and smaller ones do: the path's MTU has become smaller; \
                 a new connection will use smaller packets"
            ));
        } else {
            // Hardly anything arrives: that has other causes, and ends otherwise.
            suspicion.rounds = 0;
            suspicion.answered = 0;
            suspicion.next = now + pause;
        }
    }

    /// A packet of this size has arrived.
    pub(super) fn take_path_mtu(&mut self, size: usize) {
        if let Some(suspicion) = &mut self.path_mtu.suspicion {
            if size < suspicion.size {
                suspicion.answered += 1;
            } else {
                let oldest =
                    self.sender.oldest().map_or((0, 0), |(tsn, _, transmissions)| (tsn, transmissions));
                self.path_mtu.cleared = oldest;
                self.path_mtu.suspicion = None;
            }
        }
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
