//! How an association begins (RFC 9260 section 5), also where both ends begin at once.
//!
//! The cookie names what this end has kept of the peer's INIT, and is not that itself: a DTLS connection has one
//! peer, so nobody can fill anything here.

use std::sync::Arc;
use std::time::Instant;

use super::{Association, Receiver, State, cause};
use crate::event::Event;
use crate::packet::chunk::kind;
use crate::packet::init::Init;
use crate::receive::acknowledge::Acknowledger;
use crate::receive::pool::Share;
use crate::receive::reassembly::Reassembly;
use crate::receive::window::Window;
use crate::serial;

const INVALID_MANDATORY_PARAMETER: u16 = 7;
/// Longest cookie of a peer's that is sent back.
const MAX_COOKIE: usize = 1024;

/// What this end has chosen, and what it knows of the peer before the association is up.
#[derive(Debug)]
pub(super) struct Handshake {
    tag: u32,
    tsn: u32,
    cookie: [u8; 16],
    /// The peer's INIT, which the cookie stands for.
    offered: Option<Init>,
    /// The peer's cookie, to be sent back.
    echo: Vec<u8>,
    /// When what waits for an answer was sent first, and how often it was.
    asked: Option<(Instant, u32)>,
}

impl Handshake {
    pub(super) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut next = || {
            // SplitMix64: spreads a seed that the caller has from a good source.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ word >> 31
        };
        let (numbers, first, second) = (next(), next(), next());
        let mut cookie = [0; 16];
        cookie[..8].copy_from_slice(&first.to_be_bytes());
        cookie[8..].copy_from_slice(&second.to_be_bytes());
        Self {
            tag: ((numbers >> 32) as u32).max(1),
            tsn: numbers as u32,
            cookie,
            offered: None,
            echo: Vec::new(),
            asked: None,
        }
    }

    fn ask(&mut self, now: Instant) {
        let (at, times) = self.asked.unwrap_or((now, 0));
        self.asked = Some((at, times + 1));
    }

    pub(super) fn own_tag(&self) -> u32 {
        self.tag
    }

    pub(super) fn own_tsn(&self) -> u32 {
        self.tsn
    }
}

impl Association {
    /// Begin.
    pub fn connect(&mut self, now: Instant) {
        if self.state == State::Closed {
            self.state = State::CookieWait;
            self.send_init(now);
        }
    }

    fn send_init(&mut self, now: Instant) {
        let init = self.own_init(None, Vec::new());
        self.push_packet(0, |writer, _| init.write(writer, kind::INIT));
        self.handshake.ask(now);
        self.wait_for_answer(now);
    }

    fn send_cookie(&mut self, now: Instant) {
        let echo = self.handshake.echo.clone();
        self.push_packet(self.peer_tag, |writer, _| {
            writer.chunk(kind::COOKIE_ECHO, 0, |out| out.extend_from_slice(&echo));
        });
        self.handshake.ask(now);
        self.wait_for_answer(now);
    }

    /// The answer has come: what that says of the round trip. Of several transmissions none can be told to be the one that
    /// is answered, but the first bounds it (RFC 6298 section 3).
    fn learn_round_trip(&mut self, now: Instant) {
        match self.handshake.asked.take() {
            Some((at, 1)) => self.sender.round_trip.measure(now.saturating_duration_since(at), now),
            Some((at, _)) => self.sender.round_trip.bound(now.saturating_duration_since(at)),
            None => {}
        }
    }

    /// Set T1, longer each time. It is for its owner to give up.
    fn wait_for_answer(&mut self, now: Instant) {
        self.timer = Some(now + self.patience(self.repeats));
    }

    /// T1 has expired.
    pub(super) fn repeat_handshake(&mut self, now: Instant) {
        self.repeats += 1;
        if self.state == State::CookieWait { self.send_init(now) } else { self.send_cookie(now) }
    }

    fn own_init(&self, cookie: Option<Vec<u8>>, unrecognized: Vec<u8>) -> Init {
        Init {
            tag: self.handshake.tag,
            window: self.config.announced_window.min(self.config.receive_window) as u32,
            outgoing_streams: self.config.streams,
            incoming_streams: self.config.streams,
            tsn: self.handshake.tsn,
            can_reset_streams: true,
            needs_no_checksum: self.config.omit_checksum,
            cookie,
            unrecognized,
        }
    }

    pub(super) fn take_init_untrusted(&mut self, value: &[u8], now: Instant) {
        let Some(init) = Init::parse_untrusted(value).filter(|init| init.tag != 0) else {
            self.refused_packets += 1;
            return;
        };
        if init.outgoing_streams == 0 || init.incoming_streams == 0 {
            self.push_packet(init.tag, |writer, _| {
                writer.chunk(kind::ABORT, 0, |out| cause(out, INVALID_MANDATORY_PARAMETER, &[]));
            });
            return;
        }
        let is_handshaking = matches!(self.state, State::Closed | State::CookieWait | State::CookieEchoed);
        if !is_handshaking && self.peer.as_ref().is_some_and(|peer| peer.tag != init.tag) {
            // Section 5.2.2. Nothing of the streams above survives a restart.
            self.violate("an INIT that restarts the association");
            return;
        }
        let answer = self.own_init(Some(self.handshake.cookie.to_vec()), init.unrecognized.clone());
        self.push_packet(init.tag, |writer, _| answer.write(writer, kind::INIT_ACK));
        if self.state == State::Closed {
            self.handshake.ask(now);
        }
        if is_handshaking {
            self.handshake.offered = Some(init);
        }
    }

    pub(super) fn take_init_ack_untrusted(&mut self, value: &[u8], now: Instant) {
        if self.state != State::CookieWait {
            return;
        }
        let init = Init::parse_untrusted(value)
            .filter(|init| init.tag != 0 && init.outgoing_streams > 0 && init.incoming_streams > 0);
        let Some(mut init) = init else {
            self.refused_packets += 1;
            return;
        };
        let Some(cookie) = init.cookie.take().filter(|cookie| cookie.len() <= MAX_COOKIE) else {
            self.refused_packets += 1;
            return;
        };
        self.handshake.echo = cookie;
        self.learn_round_trip(now);
        self.begin(init, now);
        self.state = State::CookieEchoed;
        self.repeats = 0;
        self.send_cookie(now);
    }

    pub(super) fn take_cookie_untrusted(&mut self, cookie: &[u8], now: Instant) {
        if cookie != self.handshake.cookie {
            self.refused_packets += 1;
            return;
        }
        if matches!(self.state, State::Closed | State::CookieWait | State::CookieEchoed) {
            let Some(init) = self.handshake.offered.take() else {
                self.refused_packets += 1;
                return;
            };
            if self.state == State::Closed {
                self.learn_round_trip(now);
            }
            self.begin(init, now);
            self.establish(now);
        } else if self.state != State::Established {
            return;
        }
        self.push_packet(self.peer_tag, |writer, _| writer.chunk(kind::COOKIE_ACK, 0, |_| ()));
        // Behind what the peer waits for.
        self.probe_path_mtu(now);
    }

    pub(super) fn take_cookie_ack(&mut self, now: Instant) {
        if self.state == State::CookieEchoed {
            self.learn_round_trip(now);
            self.establish(now);
            self.probe_path_mtu(now);
        }
    }

    /// The peer is known.
    fn begin(&mut self, init: Init, now: Instant) {
        self.peer_tag = init.tag;
        self.sender.set_peer_window(init.window);
        self.resets.expect(init.tsn);
        self.receiver = Some(Receiver {
            acknowledger: Acknowledger::new(serial::start(init.tsn), self.config.ack_delay),
            reassembly: Reassembly::new(self.config.max_message),
            window: Window::new(self.config.first_window, self.config.receive_window, now),
            has_closed: false,
            share: Share::new(
                Arc::clone(&self.config.pool),
                self.config.first_window.min(self.config.receive_window),
            ),
        });
        self.peer = Some(init);
    }

    fn establish(&mut self, now: Instant) {
        self.state = State::Established;
        self.timer = None;
        self.repeats = 0;
        self.heartbeats.start(now);
        self.begin_path_mtu(now);
        self.events.push_back(Event::Established);
    }
}
