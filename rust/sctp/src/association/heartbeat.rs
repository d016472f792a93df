//! HEARTBEATs (RFC 9260 section 8.3): whether the peer is there, and how far away where no data says that.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Association, State};
use crate::packet::COMMON_HEADER;
use crate::packet::chunk::kind;

const HEARTBEAT_INFO: u16 = 1;
/// Heartbeat information: its header and a number.
const INFO: usize = 12;
/// A receiver of much data asks for the round trip so often, at most, and each so many round trips.
const LEAST_PAUSE: Duration = Duration::from_millis(100);
const ROUND_TRIPS: u32 = 4;
/// What much is.
const MUCH: usize = 64 * 1024;
/// HEARTBEATs whose answers are waited for: where the round trip is not known, others follow before the first is answered.
const MAX_ASKED: usize = 32;

/// When to ask, and what was asked.
#[derive(Debug)]
pub(super) struct Heartbeats {
    interval: Duration,
    next: Option<Instant>,
    number: u64,
    /// Those that were not answered: number and time.
    asked: VecDeque<(u64, Instant)>,
    last: Option<Instant>,
    /// Bytes that have arrived since.
    arrived: usize,
}

impl Heartbeats {
    pub(super) fn new(interval: Duration, seed: u64) -> Self {
        Self { interval, next: None, number: seed, asked: VecDeque::new(), last: None, arrived: 0 }
    }

    pub(super) fn start(&mut self, now: Instant) {
        self.next = Some(now + self.interval);
    }

    /// Ask now.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next = Some(now);
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Data has left: its acknowledgement says as much as an answer.
    pub(super) fn put_off(&mut self, now: Instant) {
        if self.arrived < MUCH {
            self.next = Some(now + self.interval);
        }
    }

    /// The peer has asked, so it is there, and hears from the answer that this end is: one that asks is enough. Should it
    /// stop, this end asks after half an interval more.
    fn was_asked(&mut self, now: Instant) {
        if self.arrived < MUCH && self.next.is_some_and(|at| at > now) {
            self.next = Some(now + self.interval * 3 / 2);
        }
    }

    /// So many bytes have arrived: who receives much measures the round trip by these alone.
    pub(super) fn arrived(&mut self, bytes: usize, now: Instant, round_trip: Duration) {
        self.arrived += bytes;
        if self.arrived < MUCH {
            return;
        }
        let soon = self.last.map_or(now, |last| last + LEAST_PAUSE.max(round_trip * ROUND_TRIPS));
        self.next = self.next.map(|next| next.min(soon.max(now)));
    }
}

impl Association {
    /// Ask whether the peer is there, if it is time.
    pub(super) fn beat(&mut self, now: Instant) {
        if self.state != State::Established || self.heartbeats.next.is_none_or(|at| at > now) {
            return;
        }
        self.send_heartbeat(now, 0);
    }

    /// Ask by a packet of *size* bytes, or as few as it takes.
    pub(super) fn send_heartbeat(&mut self, now: Instant, size: usize) {
        let heartbeats = &mut self.heartbeats;
        heartbeats.next = Some(now + heartbeats.interval);
        heartbeats.number = heartbeats.number.wrapping_add(1);
        heartbeats.last = Some(now);
        heartbeats.arrived = 0;
        if heartbeats.asked.len() == MAX_ASKED {
            heartbeats.asked.pop_front();
        }
        heartbeats.asked.push_back((heartbeats.number, now));
        let number = heartbeats.number;
        // What fills it up is part of the information, for not every peer knows the chunk for that (RFC 4820).
        let info = size.saturating_sub(COMMON_HEADER + 4).max(INFO) / 4 * 4;
        self.push_packet(self.peer_tag, |writer, _| {
            writer.chunk(kind::HEARTBEAT, 0, |out| {
                let start = out.len();
                out.extend_from_slice(&HEARTBEAT_INFO.to_be_bytes());
                out.extend_from_slice(&(info as u16).to_be_bytes());
                out.extend_from_slice(&number.to_be_bytes());
                out.resize(start + info, 0);
            });
        });
    }

    pub(super) fn answer_heartbeat_untrusted(&mut self, info: &[u8], now: Instant) {
        self.heartbeats.was_asked(now);
        if self.receiver.is_some() && COMMON_HEADER + 4 + info.len() <= self.config.packet_size {
            self.push_packet(self.peer_tag, |writer, _| {
                writer.chunk(kind::HEARTBEAT_ACK, 0, |out| out.extend_from_slice(info));
            });
        }
    }

    pub(super) fn take_heartbeat_ack_untrusted(&mut self, info: &[u8], now: Instant) {
        let asked = &mut self.heartbeats.asked;
        let answered = asked.iter().position(|(number, _)| info.get(4..INFO) == Some(&number.to_be_bytes()));
        if let Some((_, at)) = answered.and_then(|index| asked.drain(..=index).next_back()) {
            self.sender.round_trip.measure(now.saturating_duration_since(at), now);
            // Whole words, as it was written.
            self.take_path_mtu((COMMON_HEADER + 4 + info.len()).next_multiple_of(4) + 3);
        }
    }
}
