//! One SCTP association (RFC 9260) and its data channels (RFC 8831).
//!
//! It knows packets, channels and how much is queued. It does not know DTLS, addresses, or who reads:
//! how much may be delivered is an argument of `deliver`.
//!
//! A channel has a key, which is never used twice, and an SCTP stream id, which is used again once both
//! ends have reset the stream (RFC 8831 section 6.7). Keys that the caller chooses are even, keys of
//! channels that the peer opens are odd, so that neither has to wait for the other's.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use webrtc_direct_sctp as sctp;
pub use webrtc_direct_sctp::Metrics;

pub use self::packets::is_heartbeat;
use crate::config::Config;
use crate::dcep;
use crate::event::Reason;
use crate::streams::Streams;

mod incoming;
mod packets;

/// Names a channel within its connection.
pub type ChannelKey = u64;
/// The key of channel 0, which exists from the start and is not announced (negotiated).
pub const HANDSHAKE_CHANNEL: ChannelKey = 0;

/// RFC 8831 section 8: payload protocol identifiers of data.
const PPID_BINARY: u32 = 53;
/// So many events one delivery makes; tiny messages wait where they are charged for.
const MAX_EVENTS: usize = 256;
/// A reset that the peer refuses is asked for so often, then given up.
const RESET_TRIES: u8 = 3;

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The association is up.
    Connected,
    /// The peer opened a channel.
    Opened(ChannelKey),
    /// Data of a channel: whole messages, joined in order.
    Data(ChannelKey, Vec<u8>),
    /// So many bytes of a channel have left the queue.
    Writable(ChannelKey, usize),
    /// The peer reset a channel, or it could not be opened.
    ChannelClosed(ChannelKey),
    /// The association has ended, or has to; in kind and in words.
    Ended(Reason, String),
}

/// What a channel has been given to send.
#[derive(Debug)]
struct Channel {
    id: u16,
    submitted: u64,
    granted: u64,
}

/// The association and its channels.
pub struct Association {
    sctp: sctp::Association,
    now: Instant,
    is_client: bool,
    channels: HashMap<ChannelKey, Channel>,
    /// Channels ever, beside that of the handshake.
    opened: u64,
    streams: Streams,
    /// Channels that were given more than has been granted back.
    debtors: Vec<ChannelKey>,
    next_remote_key: ChannelKey,
    max_channels: usize,
    max_waiting_resets: usize,
    max_channel_text: usize,
    grant_step: u64,
    delivered: u64,
    events: VecDeque<Event>,
    /// Messages taken from the socket, ever.
    taken: u64,
    /// Resets of the peer's, each with how many messages come before it.
    incoming_resets: VecDeque<(u64, Vec<u16>)>,
    /// How many ids are in these.
    waiting_resets: usize,
}

impl std::fmt::Debug for Association {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Association").field("channels", &self.channels.len()).finish_non_exhaustive()
    }
}

impl Association {
    /// An association that waits (server) or starts with `connect` (client). *seed* is for its tag and first TSN.
    pub fn new(config: &Config, is_client: bool, seed: u64, now: Instant) -> Self {
        let mut channels = HashMap::new();
        channels.insert(HANDSHAKE_CHANNEL, Channel::new(0));
        let heartbeat_interval = config.silence_timeout / 4;
        Self {
            sctp: sctp::Association::new(
                sctp::Config { heartbeat_interval, ..config.sctp.clone() },
                seed,
                now,
            ),
            now,
            is_client,
            channels,
            opened: 0,
            streams: Streams::new(HANDSHAKE_CHANNEL),
            debtors: Vec::new(),
            next_remote_key: 1,
            max_channels: config.max_channels,
            max_waiting_resets: config.max_waiting_resets,
            max_channel_text: config.max_channel_text,
            grant_step: (config.unsent_bytes_per_channel / 4) as u64,
            delivered: 0,
            events: VecDeque::new(),
            taken: 0,
            incoming_resets: VecDeque::new(),
            waiting_resets: 0,
        }
    }

    /// Start as the client.
    pub fn connect(&mut self) {
        self.sctp.connect(self.now);
    }

    /// When `handle_timeout` wants to be called.
    pub fn timeout(&self) -> Option<Instant> {
        self.sctp.timeout()
    }

    /// What follows is of this moment.
    pub fn set_time(&mut self, now: Instant) {
        self.now = now;
    }

    /// Let time pass. Call it after the packets of a moment: a SACK that waits may say that nothing is lost.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.sctp.handle_timeout(now);
        self.collect();
    }

    /// The packets that follow came as one piece, a train of so many.
    pub fn expect_train(&mut self, packets: usize) {
        self.sctp.expect_train(packets);
    }

    /// Take a packet of the peer's.
    pub fn handle_packet_untrusted(&mut self, packet: &[u8]) {
        self.sctp.handle_packet_untrusted(packet, self.now);
        // At once, so that a reset stays behind what came before it and ahead of what comes after.
        self.collect();
    }

    /// Hand over all that arrived, as events, before the association ends.
    pub fn deliver_all(&mut self) {
        while self.is_stalled() {
            self.take_messages(u64::MAX, usize::MAX);
        }
    }

    /// Hand over what arrived, as events, until *budget* bytes are reached, or more events than a reader
    /// should be given at once.
    pub fn deliver(&mut self, budget: u64) {
        self.take_messages(budget, MAX_EVENTS);
    }

    /// How many bytes of data have been handed over, ever.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Whether messages wait that `deliver` was not allowed to hand over.
    pub fn is_stalled(&self) -> bool {
        self.sctp.waiting() > 0
    }

    /// Tell the peer that there is room again, after a stall.
    pub fn announce_window(&mut self) {
        self.sctp.announce_window();
    }

    /// Ask the peer to answer, and send again what it has not acknowledged: the path is another one now.
    pub fn probe(&mut self) {
        self.sctp.probe(self.now);
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next packet to send now, in *packet*; `false` if there is none.
    pub fn next_packet(&mut self, packet: &mut Vec<u8>) -> bool {
        self.finish_draining();
        self.sctp.next_packet(self.now, packet)
    }

    /// Open a channel under *key*, which must be even and new.
    pub fn open(&mut self, key: ChannelKey) {
        let Some(id) = self.free_id() else {
            self.events.push_back(Event::ChannelClosed(key));
            return;
        };
        self.streams.open(id, key);
        self.channels.insert(key, Channel::new(id));
        self.opened += 1;
        self.send_raw(id, dcep::PPID, dcep::open());
    }

    /// The SCTP stream id of an open channel.
    pub fn id(&self, key: ChannelKey) -> Option<u16> {
        self.channels.get(&key).map(|channel| channel.id)
    }

    /// Channels beside that of the handshake: how many are open, and how many ever were.
    pub fn streams(&self) -> (usize, u64) {
        (self.channels.len() - usize::from(self.channels.contains_key(&HANDSHAKE_CHANNEL)), self.opened)
    }

    /// How many channels are open.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Queue *messages* on a channel. A channel that has ended swallows them.
    pub fn send(&mut self, key: ChannelKey, messages: Vec<Vec<u8>>) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        let bytes: usize = messages.iter().map(Vec::len).sum();
        if channel.submitted == channel.granted {
            self.debtors.push(key);
        }
        channel.submitted += bytes as u64;
        let id = channel.id;
        for message in messages {
            self.send_raw(id, PPID_BINARY, message);
        }
    }

    /// Reset a channel once its queue is empty.
    pub fn close(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channels.remove(&key) {
            self.streams.drain(channel.id);
        }
    }

    /// Reset a channel now and discard its queue.
    pub fn reset(&mut self, key: ChannelKey) {
        if let Some(channel) = self.channels.remove(&key) {
            self.request_reset(channel.id);
        }
    }

    /// Credit that can be given back: for each channel what has left its queue since the last call.
    pub fn grant(&mut self) {
        let mut at = 0;
        while at < self.debtors.len() {
            let key = self.debtors[at];
            let Some(channel) = self.channels.get_mut(&key) else {
                self.debtors.swap_remove(at);
                continue;
            };
            let queued = self.sctp.queued(channel.id) as u64;
            let owed = (channel.submitted - channel.granted).saturating_sub(queued);
            if owed > 0 && (owed >= self.grant_step || queued == 0) {
                channel.granted += owed;
                self.events.push_back(Event::Writable(key, owed as usize));
            }
            if channel.submitted == channel.granted {
                self.debtors.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Whether the peer has acknowledged everything.
    pub fn is_drained(&self) -> bool {
        self.sctp.is_acknowledged()
    }

    /// End the association with an ABORT.
    pub fn abort(&mut self) {
        self.sctp.abort("closed");
        self.collect();
    }

    /// Counters.
    pub fn metrics(&self) -> Metrics {
        self.sctp.metrics()
    }

    /// How long a peer that has something to say may be silent: *least*, or two round trips.
    pub fn quiet(&self, least: Duration) -> Duration {
        least.max(2 * self.metrics().round_trip_time)
    }

    /// A free id of this end's parity (RFC 8832 section 6), within what both ends take: a channel has two
    /// directions.
    fn free_id(&mut self) -> Option<u16> {
        if self.channels.len() >= self.max_channels {
            return None;
        }
        let metrics = self.sctp.metrics();
        let most = metrics.outgoing_streams.min(metrics.incoming_streams);
        self.streams.next_free(if self.is_client { 2 } else { 1 }, most)
    }

    fn send_raw(&mut self, id: u16, ppid: u32, payload: Vec<u8>) {
        // What it refuses, an empty message, the caller never makes.
        let _ = self.sctp.send(id, ppid, payload.into(), false);
    }

    fn request_reset(&mut self, id: u16) {
        if self.streams.request_reset(id) && self.sctp.reset(&[id]).is_err() {
            // No association, or a peer without RFC 6525: the id stays out of use.
            self.streams.finish_reset(id);
        }
    }

    fn finish_reset(&mut self, id: u16) {
        if self.streams.finish_reset(id) {
            self.request_reset(id);
        }
    }

    fn retry_reset(&mut self, id: u16) {
        match self.streams.attempts(id) {
            Some(attempts) if attempts < RESET_TRIES => self.request_reset(id),
            _ => self.finish_reset(id),
        }
    }

    fn finish_draining(&mut self) {
        let sctp = &self.sctp;
        for id in self.streams.take_drained(|id| sctp.queued(id)) {
            self.request_reset(id);
        }
    }
}

impl Channel {
    fn new(id: u16) -> Self {
        Self { id, submitted: 0, granted: 0 }
    }
}
