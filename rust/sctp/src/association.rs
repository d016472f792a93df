//! One association: its state, and how packets and times reach its halves.
//!
//! ```text
//!  connect()                     COOKIE ECHO            shutdown()         all has arrived
//! CLOSED ──> COOKIE_WAIT ──> COOKIE_ECHOED ──> ESTABLISHED ──> SHUTDOWN_PENDING ──> SHUTDOWN_SENT ──> ENDED
//!    └──────────── the peer's COOKIE ECHO ───────┘   │ the peer's SHUTDOWN
//!                                                    └──> SHUTDOWN_RECEIVED ──> SHUTDOWN_ACK_SENT ──> ENDED
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::event::Event;
use crate::packet::chunk::{self, kind};
use crate::packet::init::Init;
use crate::packet::write::Writer;
use crate::packet::{parse_untrusted, reconfig};
use crate::receive::acknowledge::Acknowledger;
use crate::receive::pool::Share;
use crate::receive::reassembly::Reassembly;
use crate::receive::window::Window;
use crate::resets::Resets;
use crate::send::sender::Sender;
use crate::serial;

mod caller;
mod closing;
mod data;
mod handshake;
mod heartbeat;
mod path_mtu;

use handshake::Handshake;
use heartbeat::Heartbeats;
use path_mtu::PathMtu;

/// Packets that wait to be sent, beside those with data. Each is an answer to something; the peer can ask again.
const MAX_WAITING: usize = 256;

/// Where an association is (RFC 9260 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    CookieWait,
    CookieEchoed,
    Established,
    ShutdownPending,
    ShutdownSent,
    ShutdownReceived,
    ShutdownAckSent,
    Ended,
}

/// The receiving half, once the peer's first TSN is known.
#[derive(Debug)]
struct Receiver {
    acknowledger: Acknowledger,
    reassembly: Reassembly,
    window: Window,
    share: Share,
    /// The last SACK offered no room.
    has_closed: bool,
}

/// One association. See the crate's page for how to drive it.
#[derive(Debug)]
pub struct Association {
    config: Config,
    state: State,
    handshake: Handshake,
    sender: Sender,
    receiver: Option<Receiver>,
    resets: Resets,
    heartbeats: Heartbeats,
    path_mtu: PathMtu,
    /// What packets to the peer carry.
    peer_tag: u32,
    peer: Option<Init>,
    packets: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    /// T1 or T2: when the handshake, or the end, says again what was not answered; and how often it has.
    timer: Option<Instant>,
    repeats: u32,
    is_shut_down_by_peer: bool,
    refused_packets: u64,
    sacks: u64,
}

impl Association {
    /// An association that waits for the peer, or starts with `connect`. *seed* is for its tag and first TSN.
    pub fn new(config: Config, seed: u64, now: Instant) -> Self {
        let handshake = Handshake::new(seed);
        let tsn = handshake.own_tsn();
        Self {
            sender: Sender::new(&config, serial::start(tsn), now),
            resets: Resets::new(tsn),
            heartbeats: Heartbeats::new(config.heartbeat_interval, seed),
            path_mtu: PathMtu::new(),
            handshake,
            state: State::Closed,
            receiver: None,
            peer_tag: 0,
            peer: None,
            packets: VecDeque::new(),
            events: VecDeque::new(),
            timer: None,
            repeats: 0,
            is_shut_down_by_peer: false,
            refused_packets: 0,
            sacks: 0,
            config,
        }
    }

    /// When `handle_timeout` wants to be called.
    pub fn timeout(&self) -> Option<Instant> {
        if self.state == State::Ended {
            return None;
        }
        let acknowledgement = self.receiver.as_ref().and_then(|half| half.acknowledger.timeout());
        let data = [self.sender.timeout(), self.resets.timeout(), acknowledgement];
        let data = data.into_iter().flatten().filter(|_| self.carries_data()).min();
        let asked = [self.heartbeats.timeout(), self.path_mtu.timeout()].into_iter().flatten().min();
        let asked = asked.filter(|_| self.state == State::Established);
        [self.timer, data, asked].into_iter().flatten().min()
    }

    /// Whether data, acknowledgements and resets go to and fro.
    fn carries_data(&self) -> bool {
        matches!(
            self.state,
            State::Established | State::ShutdownPending | State::ShutdownReceived | State::ShutdownSent
        )
    }

    /// Let time pass: call it when `timeout` is reached.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.state == State::Ended {
            return;
        }
        if self.timer.is_some_and(|at| at <= now) {
            self.repeat(now);
        }
        if self.receiver.is_some() && self.state != State::Ended {
            self.sender.handle_timeout(now);
            self.beat(now);
            self.probe_path_mtu(now);
            self.watch_path_mtu(now);
        }
    }

    /// Take a packet of the peer's.
    pub fn handle_packet_untrusted(&mut self, packet: &[u8], now: Instant) {
        let ports = (self.config.remote_port, self.config.local_port);
        let Ok(packet) = parse_untrusted(packet, ports, self.config.omit_checksum) else {
            self.refused_packets += 1;
            return;
        };
        let mut is_first = true;
        if self.state == State::Ended {
            let mut chunks = packet.chunks;
            if packet.tag == self.handshake.own_tag()
                && chunks.next().is_some_and(|chunk| chunk.kind == kind::SHUTDOWN_ACK)
            {
                self.send_shutdown_complete();
            }
            return;
        }
        for chunk in packet.chunks {
            let is_alone = std::mem::take(&mut is_first);
            if !self.is_tag_right(packet.tag, &chunk) || (chunk.kind == kind::INIT && !is_alone) {
                self.refused_packets += 1;
                break;
            }
            if !self.take_chunk_untrusted(&chunk, now) || self.state == State::Ended {
                break;
            }
        }
        self.end_packet(now);
    }

    /// The packets that follow are a train of so many, which came as one piece: one SACK speaks for many of them.
    pub fn expect_train(&mut self, packets: usize) {
        if let Some(receiver) = &mut self.receiver {
            receiver.acknowledger.expect(packets);
        }
    }

    /// RFC 9260 sections 8.5 and 8.5.1.
    fn is_tag_right(&self, tag: u32, chunk: &crate::packet::Chunk<'_>) -> bool {
        let is_reflected = chunk.flags & chunk::FLAG_REFLECTED_TAG != 0;
        match chunk.kind {
            kind::INIT => tag == 0,
            kind::ABORT | kind::SHUTDOWN_COMPLETE if is_reflected => {
                self.peer_tag != 0 && tag == self.peer_tag
            }
            _ => tag == self.handshake.own_tag(),
        }
    }

    /// Returns whether to go on with the next chunk of the packet.
    fn take_chunk_untrusted(&mut self, chunk: &crate::packet::Chunk<'_>, now: Instant) -> bool {
        match chunk.kind {
            kind::DATA => self.take_data_untrusted(chunk, now),
            kind::SACK => self.take_sack_untrusted(chunk, now),
            kind::INIT => self.take_init_untrusted(chunk.value, now),
            kind::INIT_ACK => self.take_init_ack_untrusted(chunk.value, now),
            kind::COOKIE_ECHO => self.take_cookie_untrusted(chunk.value, now),
            kind::COOKIE_ACK => self.take_cookie_ack(now),
            kind::HEARTBEAT => self.answer_heartbeat_untrusted(chunk.value, now),
            kind::HEARTBEAT_ACK => self.take_heartbeat_ack_untrusted(chunk.value, now),
            kind::RE_CONFIG => self.take_reconfig_untrusted(chunk.value, now),
            kind::ABORT => self.take_abort_untrusted(chunk.value),
            kind::SHUTDOWN => self.take_shutdown_untrusted(chunk.value, now),
            kind::SHUTDOWN_ACK => self.take_shutdown_ack(),
            kind::SHUTDOWN_COMPLETE => self.take_shutdown_complete(),
            // What went wrong at the peer, and did not end the association.
            kind::ERROR => {}
            kind::FORWARD_TSN | kind::I_FORWARD_TSN if self.receiver.is_some() => {
                self.violate("a FORWARD-TSN chunk, though all data is reliable here");
            }
            kind::I_DATA if self.receiver.is_some() => {
                self.violate("an I-DATA chunk, which was not offered (RFC 8260)")
            }
            unknown => return self.take_unknown_untrusted(unknown, chunk.whole),
        }
        true
    }

    /// RFC 9260 section 3.2: the two highest bits say what to do with a chunk that is not known.
    fn take_unknown_untrusted(&mut self, kind: u8, whole: &[u8]) -> bool {
        const MOST: usize = 64;
        if kind & 0x40 != 0 && self.receiver.is_some() {
            let whole = &whole[..whole.len().min(MOST)];
            self.push_packet(self.peer_tag, |writer, _| {
                writer.chunk(kind::ERROR, 0, |out| cause(out, chunk::cause::UNRECOGNIZED_CHUNK, whole));
            });
        }
        kind & 0x80 != 0
    }

    fn take_reconfig_untrusted(&mut self, value: &[u8], now: Instant) {
        if self.receiver.is_none() || self.state == State::CookieEchoed {
            return;
        }
        for parameter in reconfig::parse_untrusted(value) {
            match parameter {
                reconfig::Reconfig::OutgoingReset { request, last_tsn, streams } => {
                    self.take_reset_untrusted(request, last_tsn, reconfig::stream_ids(streams).collect());
                }
                reconfig::Reconfig::Response { request, result } => {
                    self.take_answer_untrusted(request, result, now)
                }
                reconfig::Reconfig::Other { request } => self.resets.refuse_untrusted(request),
            }
        }
    }

    /// The next packet to send, in *out*; `false` if there is none now.
    pub fn next_packet(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if let Some(packet) = self.packets.pop_front() {
            *out = packet;
            return true;
        }
        self.carries_data() && (self.write_reset(now, out) || self.write_data(now, out))
    }

    /// The next event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Ask the peer to answer, and send again what it has not acknowledged: the path is another one now.
    pub fn probe(&mut self, now: Instant) {
        if self.receiver.is_some() {
            self.heartbeats.hurry(now);
            self.sender.hurry(now);
            self.beat(now);
        }
    }

    /// Queue a packet of its own; *write* gets what it needs of the association.
    fn push_packet(&mut self, tag: u32, write: impl FnOnce(&mut Writer<'_>, &Config)) {
        if self.packets.len() >= MAX_WAITING {
            return;
        }
        let mut packet = Vec::new();
        let ports = (self.config.local_port, self.config.remote_port);
        let mut writer = Writer::new(&mut packet, self.config.packet_size, ports, tag);
        write(&mut writer, &self.config);
        writer.finish(true);
        self.packets.push_back(packet);
    }

    /// Whether packets to this peer need a checksum.
    fn needs_checksum(&self) -> bool {
        !(self.config.omit_checksum && self.peer.as_ref().is_some_and(|peer| peer.needs_no_checksum))
    }

    /// How long to wait for an answer that was asked for *times* times before.
    fn patience(&self, times: u32) -> Duration {
        self.sender.round_trip.timeout_after(times)
    }
}

/// Append an error cause.
fn cause(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(4 + value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}
