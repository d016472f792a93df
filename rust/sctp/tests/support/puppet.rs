//! A peer that says what it is told to say, against one association of this crate.

use std::time::{Duration, Instant};

use webrtc_direct_sctp::{Association, By, Bytes, Config, Event};

use super::wire::{self, Chunk};

pub const STREAMS: u16 = 1024;

pub struct Puppet {
    pub association: Association,
    pub now: Instant,
    /// What packets to the puppet carry, and what packets of it must.
    pub own_tag: u32,
    pub tag: u32,
    /// The next TSN of the puppet's, and the first of the association's.
    pub tsn: u32,
    pub peer_tsn: u32,
    /// What the association has answered to the last INIT.
    pub cookie: Vec<u8>,
}

/// So that what is tested is not the default.
pub fn config() -> Config {
    Config {
        first_window: 128 << 10,
        receive_window: 128 << 10,
        max_message: 16 << 10,
        // The puppet answers no HEARTBEAT, so full packets are used from the start.
        first_packet_size: 1191,
        streams: STREAMS,
        ..Config::default()
    }
}

impl Puppet {
    /// Against an association that waits for its peer.
    pub fn new() -> Self {
        Self::with(config())
    }

    /// The same with another configuration.
    pub fn with(config: Config) -> Self {
        let now = Instant::now();
        Self {
            association: Association::new(config, 1, now),
            now,
            own_tag: 0x1234_5678,
            tag: 0,
            // Serial numbers are to wrap.
            tsn: 0xffff_fff0,
            peer_tsn: 0,
            cookie: Vec::new(),
        }
    }

    /// Against one that is up.
    pub fn connected() -> Self {
        Self::connected_with(config())
    }

    /// The same with another configuration.
    pub fn connected_with(config: Config) -> Self {
        let mut puppet = Self::with(config);
        puppet.introduce();
        let cookie = puppet.cookie.clone();
        puppet.say(&[wire::chunk(wire::COOKIE_ECHO, 0, &cookie)]);
        assert!(puppet.association.is_established());
        assert_eq!(puppet.events(), [Event::Established]);
        puppet
    }

    /// Against one that has ten messages under way.
    pub fn sending() -> Self {
        let mut puppet = Self::connected();
        for _ in 0..10 {
            puppet.association.send(1, 53, Bytes::from(vec![0; 1000]), false).unwrap();
        }
        let sent: Vec<_> = puppet.drain().iter().flat_map(|packet| wire::chunks(packet)).collect();
        let sent = sent.len() + puppet.pass(Duration::from_millis(50)).len();
        assert!(sent >= 10);
        puppet
    }

    /// Send an INIT and take the answer.
    pub fn introduce(&mut self) {
        // RFC 6525 and its chunk.
        let extensions = wire::parameter(0x8008, &[wire::RECONFIG]);
        let init = wire::init(wire::INIT, self.own_tag, 1 << 20, [STREAMS; 2], self.tsn, &extensions);
        let answers = self.feed(&wire::packet(0, &[init]));
        let answer = &wire::chunks(&answers[0])[0];
        assert_eq!((answer.kind, wire::tag(&answers[0])), (wire::INIT_ACK, self.own_tag));
        self.tag = answer.number(0);
        self.peer_tsn = answer.number(12);
        let parameters = wire::parameters(&answer.value, 16);
        self.cookie = parameters.into_iter().find(|(kind, _)| *kind == 7).unwrap().1;
    }

    /// Hand over a packet; what is sent at once.
    pub fn feed(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        self.association.handle_packet_untrusted(packet, self.now);
        self.drain()
    }

    /// Hand over chunks in a packet with the right tag; the chunks that are sent at once.
    pub fn say(&mut self, chunks: &[Vec<u8>]) -> Vec<Chunk> {
        let packets = self.feed(&wire::packet(self.tag, chunks));
        packets.iter().flat_map(|packet| wire::chunks(packet)).collect()
    }

    /// Send one whole message.
    pub fn write(&mut self, stream: u16, number: u16, payload: &[u8]) -> Vec<Chunk> {
        let chunk = wire::data(wire::WHOLE, self.tsn, stream, number, payload);
        self.tsn = self.tsn.wrapping_add(1);
        self.say(&[chunk])
    }

    /// Let time pass; the chunks that are sent meanwhile.
    pub fn pass(&mut self, time: Duration) -> Vec<Chunk> {
        let end = self.now + time;
        let mut chunks = Vec::new();
        while let Some(at) = self.association.timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.association.handle_timeout(self.now);
            chunks.extend(self.drain().iter().flat_map(|packet| wire::chunks(packet)));
        }
        self.now = end;
        chunks
    }

    pub fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut packet = Vec::new();
        while self.association.next_packet(self.now, &mut packet) {
            assert!(packet.len() <= 1191, "{} bytes: {}", packet.len(), wire::describe(&packet));
            packets.push(packet.clone());
        }
        packets
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.association.next_event()).collect()
    }

    /// The next message's payload.
    pub fn read(&mut self) -> Option<Vec<u8>> {
        self.association.receive().map(|message| message.payload)
    }

    /// How many of the puppet's chunks from *first* on a SACK that is sent now acknowledges cumulatively.
    pub fn acknowledged(&mut self, first: u32) -> u32 {
        self.association.announce_window();
        let packets = self.drain();
        let mut sacks = packets.iter().flat_map(|packet| wire::chunks(packet));
        let sack = sacks.rfind(|chunk| chunk.kind == wire::SACK).unwrap();
        sack.number(0).wrapping_sub(first.wrapping_sub(1))
    }

    /// Whether the association ended with an ABORT that has this cause.
    pub fn is_aborted(&mut self, answers: &[Chunk], cause: u16) -> bool {
        let abort = answers.iter().find(|chunk| chunk.kind == wire::ABORT);
        let is_told = matches!(self.events().last(), Some(Event::Ended { by: By::Violation, .. }));
        abort.is_some_and(|chunk| chunk.short(0) == cause) && is_told && !self.association.is_established()
    }
}
