//! One SCTP association (RFC 9260, by dcsctp) and its data channels (RFC 8831).
//!
//! It knows packets, channels and how much is queued. It does not know DTLS, addresses, or who reads:
//! how much may be delivered is an argument of `deliver`.
//!
//! A channel has a key, which is never used twice, and an SCTP stream id, which is used again once both
//! ends have reset the stream (RFC 8831 section 6.7). Keys that the caller chooses are even, keys of
//! channels that the peer opens are odd, so that neither has to wait for the other's.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use webrtc_direct_sctp::api::{
    DcSctpSocket as _, Message, Options, PpId, SendOptions, Socket, SocketTime, StreamId,
};

use self::packets::Packets;
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
const PPID_BINARY: PpId = PpId(53);
const PORT: u16 = 5000;
/// A sender whose window is smaller, in packets, asks for acknowledgements without delay (RFC 7053): at
/// the start, and on connections that send little, whose end would wait for the peer's delay.
const IMMEDIATE_SACK_UNDER: usize = 32;
/// So many events one delivery makes; tiny messages wait where they are charged for.
const MAX_EVENTS: usize = 4096;
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

/// Counters for `stats`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metrics {
    /// Smoothed round trip time; zero while unknown.
    pub round_trip_time: Duration,
    /// Congestion window in bytes.
    pub congestion_window: usize,
    /// Packets that held retransmitted data.
    pub retransmitted_packets: usize,
}

/// The association and its channels.
pub struct Association {
    socket: Socket,
    start: Instant,
    is_client: bool,
    channels: HashMap<ChannelKey, Channel>,
    streams: Streams,
    /// Channels that were given more than has been granted back.
    debtors: Vec<ChannelKey>,
    next_remote_key: ChannelKey,
    max_channels: usize,
    max_received_message: usize,
    max_waiting_resets: usize,
    max_channel_text: usize,
    grant_step: u64,
    delivered: u64,
    events: VecDeque<Event>,
    packets: Packets,
    /// Messages taken from the socket, ever.
    taken: u64,
    /// Resets of the peer's, each with how many messages come before it.
    incoming_resets: VecDeque<(u64, Vec<u16>)>,
    /// How many ids are in these.
    waiting_resets: usize,
    abort_seen: bool,
}

impl std::fmt::Debug for Association {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Association").field("channels", &self.channels.len()).finish_non_exhaustive()
    }
}

impl Association {
    /// An association that waits (server) or starts with `connect` (client).
    pub fn new(config: &Config, is_client: bool, now: Instant) -> Self {
        let options = Options {
            local_port: PORT,
            remote_port: PORT,
            // Announced, never used, and refused: pion takes each SACK as a reason to send only where it is
            // announced; else its fast retransmissions wait for its timer of a second or for new data.
            enable_partial_reliability: true,
            mtu: config.sctp_mtu,
            max_message_size: config.max_sent_message,
            max_receiver_window_buffer_size: config.receive_window,
            // The caller keeps within its credit; these only must not come before it.
            max_send_buffer_size: usize::MAX,
            per_stream_send_queue_limit: usize::MAX,
            max_burst: config.max_burst,
            heartbeat_interval: config.silence_timeout / 4,
            delayed_ack_max_timeout: config.delayed_ack,
            immediate_sack_under_cwnd_mtus: IMMEDIATE_SACK_UNDER,
            rto_min: config.sctp_min_timeout,
            min_rtt_variance: config.sctp_min_timeout,
            t1_init_timeout: config.sctp_initial_timeout,
            t1_cookie_timeout: config.sctp_initial_timeout,
            max_timer_backoff_duration: Some(config.sctp_max_backoff),
            // Deadlines are the session's.
            max_init_retransmits: None,
            max_retransmissions: None,
            ..Options::default()
        };
        let mut channels = HashMap::new();
        channels.insert(HANDSHAKE_CHANNEL, Channel::new(0));
        Self {
            socket: Socket::new("", &options),
            start: now,
            is_client,
            channels,
            streams: Streams::new(HANDSHAKE_CHANNEL),
            debtors: Vec::new(),
            next_remote_key: 1,
            max_channels: config.max_channels,
            max_received_message: config.max_received_message,
            max_waiting_resets: config.max_waiting_resets,
            max_channel_text: config.max_channel_text,
            grant_step: (config.unsent_bytes_per_channel / 4) as u64,
            delivered: 0,
            events: VecDeque::new(),
            packets: Packets::default(),
            taken: 0,
            incoming_resets: VecDeque::new(),
            waiting_resets: 0,
            abort_seen: false,
        }
    }

    /// Start as the client.
    pub fn connect(&mut self) {
        self.socket.connect();
        self.collect();
    }

    /// When `handle_timeout` wants to be called.
    pub fn timeout(&self) -> Option<Instant> {
        let at = self.socket.poll_timeout();
        if at == SocketTime::infinite_future() {
            return None;
        }
        self.start.checked_add(at - SocketTime::zero())
    }

    /// Let time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start);
        self.socket.advance_time(SocketTime::zero() + elapsed);
        self.collect();
    }

    /// Take a packet of the peer's.
    pub fn handle_packet_untrusted(&mut self, packet: &[u8]) {
        if packets::is_abort(packet) && !self.abort_seen {
            // Once only: the socket ignores one with a wrong tag, and the budget would be void.
            self.abort_seen = true;
            // After an ABORT the socket gives nothing more, and what arrived before it was delivered.
            self.deliver_all();
        }
        self.socket.handle_input(packet);
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
        self.socket.messages_ready_count() > 0
    }

    /// Tell the peer that there is room again, after a stall.
    pub fn announce_window(&mut self) {
        self.socket.send_window_update();
        self.collect();
    }

    /// Ask the peer to answer, and send again what it has not acknowledged: the path is another one now.
    pub fn probe(&mut self) {
        self.socket.probe_path();
        self.collect();
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The packets to send, oldest first.
    ///
    /// Of packets that hold nothing but a SACK only the newest is left: it says all that the others say.
    pub fn take_packets(&mut self) -> Vec<Vec<u8>> {
        self.finish_draining();
        self.collect();
        self.packets.take()
    }

    /// Open a channel under *key*, which must be even and new.
    pub fn open(&mut self, key: ChannelKey) {
        let Some(id) = self.free_id() else {
            self.events.push_back(Event::ChannelClosed(key));
            return;
        };
        self.streams.open(id, key);
        self.channels.insert(key, Channel::new(id));
        self.send_raw(id, PpId(dcep::PPID), dcep::open());
    }

    /// The SCTP stream id of an open channel.
    pub fn id(&self, key: ChannelKey) -> Option<u16> {
        self.channels.get(&key).map(|channel| channel.id)
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
        let stream = StreamId(channel.id);
        let messages: Vec<Message> =
            messages.into_iter().map(|payload| Message::new(stream, PPID_BINARY, payload)).collect();
        // What it refuses, an empty or too large message, the caller never makes.
        let _ = self.socket.send_many(messages, &SendOptions::default());
        self.collect();
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
            let queued = self.socket.buffered_amount(StreamId(channel.id)) as u64;
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
        self.socket.get_metrics().is_none_or(|metrics| metrics.unack_data_count == 0)
    }

    /// End the association with an ABORT.
    pub fn abort(&mut self) {
        self.socket.close();
        self.collect();
    }

    /// Counters, once the association is up.
    pub fn metrics(&self) -> Metrics {
        let Some(metrics) = self.socket.get_metrics() else {
            return Metrics::default();
        };
        Metrics {
            round_trip_time: metrics.srtt,
            congestion_window: metrics.cwnd_bytes,
            retransmitted_packets: metrics.rtx_packets_count,
        }
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
        let metrics = self.socket.get_metrics()?;
        let most =
            metrics.negotiated_maximum_outgoing_streams.min(metrics.negotiated_maximum_incoming_streams);
        self.streams.next_free(if self.is_client { 2 } else { 1 }, most)
    }

    fn send_raw(&mut self, id: u16, ppid: PpId, payload: Vec<u8>) {
        let message = Message::new(StreamId(id), ppid, payload);
        // Neither empty nor too large, and the association is up.
        let _ = self.socket.send(message, &SendOptions::default());
        self.collect();
    }

    fn request_reset(&mut self, id: u16) {
        if self.streams.request_reset(id) && self.socket.reset_streams(&[StreamId(id)]).is_err() {
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
        let socket = &self.socket;
        for id in self.streams.take_drained(|id| socket.buffered_amount(StreamId(id))) {
            self.request_reset(id);
        }
    }
}

impl Channel {
    fn new(id: u16) -> Self {
        Self { id, submitted: 0, granted: 0 }
    }
}
