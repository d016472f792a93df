//! An association, in or after its handshake, that takes whatever packets its peer could make.

use std::time::{Duration, Instant};

use webrtc_direct_engine::Config;
use webrtc_direct_engine::association::{Association, ChannelKey, Event};
use webrtc_direct_engine::sctp::Config as SctpConfig;

use super::script::Script;
use super::sctp::{self, BUDGET, Origin, Victim};

/// First byte of an input: who starts, and how far the handshake has come.
pub const SERVER: u8 = 0;
pub const CLIENT: u8 = 1;
pub const FRESH_SERVER: u8 = 2;
pub const FRESH_CLIENT: u8 = 3;

pub struct Alone {
    association: Association,
    now: Instant,
    consumed: u64,
    ended: bool,
    channels: usize,
    pub packets: Vec<Vec<u8>>,
    /// Whether `packets` is for somebody, or only counted.
    pub keep: bool,
}

pub fn config() -> Config {
    let window = 256 * 1024;
    let sctp = SctpConfig { first_window: window, receive_window: window, ..SctpConfig::default() };
    Config { max_channels: 64, sctp, unread_bytes: BUDGET, ..Config::default() }
}

pub fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let start = script.byte() % 4;
    let (mut victim, origin) = begin(start);
    sctp::play(&mut script, origin, &mut victim);
}

/// An association that has come as far as *start* says, without its peer.
fn begin(start: u8) -> (Alone, Origin) {
    let now = Instant::now();
    let is_client = start == CLIENT || start == FRESH_CLIENT;
    let mut victim = Alone::new(is_client, now);
    let mut origin = Origin::default();
    let mut peer = Alone::new(!is_client, now);
    if is_client {
        victim.association.connect();
    } else if start == SERVER {
        peer.association.connect();
    }
    victim.keep = true;
    peer.keep = true;
    for _ in 0..8 {
        victim.flush();
        for packet in victim.packets.drain(..) {
            origin.observe(&packet, false);
            if start < FRESH_SERVER {
                peer.packet(&packet);
            }
        }
        peer.flush();
        for packet in peer.packets.drain(..) {
            origin.observe(&packet, true);
            victim.packet(&packet);
        }
    }
    victim.keep = false;
    (victim, origin)
}

/// All packets that it sends now.
pub fn packets_of(association: &mut Association) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    let mut packet = Vec::new();
    while association.next_packet(&mut packet) {
        packets.push(std::mem::take(&mut packet));
    }
    packets
}

impl Alone {
    pub fn new(is_client: bool, now: Instant) -> Self {
        let mut association = Association::new(&config(), is_client, u64::from(is_client), now);
        association.handle_timeout(now);
        let (consumed, ended, channels) = (0, false, 1);
        Self { association, now, consumed, ended, channels, packets: Vec::new(), keep: false }
    }

    pub fn connect(&mut self) {
        self.association.connect();
    }

    fn check(&mut self) {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Data(_, data) => assert!(!data.is_empty()),
                Event::Ended { .. } => self.ended = true,
                _ => {}
            }
        }
        self.channels = self.association.channels();
        assert!(self.channels <= config().max_channels);
        let unread = self.association.delivered() - self.consumed;
        assert!(
            unread <= BUDGET + config().sctp.receive_window as u64,
            "{unread} bytes were delivered to a reader that does not read"
        );
    }
}

impl Victim for Alone {
    fn packet(&mut self, packet: &[u8]) {
        self.association.handle_packet_untrusted(packet);
    }

    fn open(&mut self, key: ChannelKey) {
        self.association.open(key);
    }

    fn send(&mut self, key: ChannelKey, messages: Vec<Vec<u8>>) {
        self.association.send(key, messages);
    }

    fn close(&mut self, key: ChannelKey) {
        self.association.close(key);
    }

    fn reset(&mut self, key: ChannelKey) {
        self.association.reset(key);
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..4 {
            let due = self.association.timeout().map_or(end, |at| at.clamp(self.now, end));
            self.now = due;
            self.association.handle_timeout(due);
        }
        self.now = end;
        self.association.handle_timeout(end);
    }

    fn consume(&mut self) {
        self.consumed = self.association.delivered();
        self.association.announce_window();
    }

    fn flush(&mut self) -> bool {
        let unread = self.association.delivered() - self.consumed;
        self.association.deliver(BUDGET.saturating_sub(unread));
        self.association.grant();
        self.check();
        let packets = packets_of(&mut self.association);
        assert!(packets.len() < 5_000, "{} packets at once", packets.len());
        if self.keep {
            self.packets.extend(packets);
        }
        let _ = (self.association.metrics(), self.association.is_drained(), self.association.is_stalled());
        !self.ended
    }
}
