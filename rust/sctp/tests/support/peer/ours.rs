//! This crate.

use std::time::Instant;

use webrtc_direct_sctp::{Association, Bytes, Config, Event as Told, Pool};

use super::{End, Event, Message, PACKET, Settings};

pub struct Ours {
    pub association: Association,
    /// Since when messages wait that nobody has read.
    unread: Option<Instant>,
    ended: bool,
}

impl Ours {
    pub fn new(settings: Settings, now: Instant) -> Self {
        let config = Config {
            packet_size: PACKET,
            first_window: settings.receive_window.min(Config::default().first_window),
            receive_window: settings.receive_window,
            pool: Pool::new(settings.pool),
            max_message: settings.largest_message,
            omit_checksum: settings.without_checksums,
            controller: settings.controller,
            ..Config::default()
        };
        Self { association: Association::new(config, settings.seed, now), unread: None, ended: false }
    }
}

impl End for Ours {
    fn connect(&mut self, now: Instant) {
        self.association.connect(now);
    }

    fn handle_packet(&mut self, packet: &[u8], now: Instant) {
        self.association.handle_packet_untrusted(packet, now);
        if self.association.waiting() > 0 {
            self.unread.get_or_insert(now);
        }
    }

    fn timeout(&self) -> Option<Instant> {
        self.association.timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
    }

    fn next_packet(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut packet = Vec::new();
        self.association.next_packet(now, &mut packet).then_some(packet)
    }

    fn next_event(&mut self) -> Option<Event> {
        assert!(!self.ended || self.association.next_event().is_none(), "an event after the end");
        Some(match self.association.next_event()? {
            Told::Established => Event::Up,
            Told::Reset { streams, after } => Event::Reset { streams, after },
            Told::ResetDone(streams) => Event::ResetDone(streams),
            Told::ResetRefused(streams) => Event::ResetRefused(streams),
            Told::Ended { by, words } => {
                self.ended = true;
                Event::Ended(format!("{words} (by {by:?})"))
            }
        })
    }

    fn send(&mut self, message: Message, unordered: bool, _now: Instant) -> bool {
        let payload = Bytes::from(message.payload);
        self.association.send(message.stream, message.ppid, payload, unordered).is_ok()
    }

    fn receive(&mut self, now: Instant) -> Option<Message> {
        let Some(message) = self.association.receive() else {
            if self.unread.take().is_some_and(|since| since < now) {
                self.association.announce_window();
            }
            return None;
        };
        assert!(!message.is_oversized);
        Some(Message { stream: message.stream, ppid: message.ppid, payload: message.payload })
    }

    fn queued(&mut self, stream: u16) -> usize {
        self.association.queued(stream)
    }

    fn reset(&mut self, streams: &[u16], _now: Instant) -> bool {
        self.association.reset(streams).is_ok()
    }

    fn shutdown(&mut self, now: Instant) {
        self.association.shutdown(now);
    }

    fn abort(&mut self, _now: Instant) {
        self.association.abort("bye");
    }

    fn is_up(&self) -> bool {
        self.association.is_established()
    }

    fn sent_again(&self) -> Option<u64> {
        Some(self.association.metrics().retransmitted_packets)
    }

    fn timeouts(&self) -> Option<u64> {
        Some(self.association.metrics().timeouts)
    }

    fn state(&self) -> String {
        format!("{:?}", self.association.metrics())
    }
}
