//! dcsctp as published: what Chromium and Firefox run, in Rust.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use dcsctp::api::{
    DcSctpSocket, Message as Sent, Options, PpId, SendOptions, SocketEvent, SocketState, SocketTime,
    StreamId, ZERO_CHECKSUM_ALTERNATE_ERROR_DETECTION_METHOD_LOWER_LAYER_DTLS,
    ZERO_CHECKSUM_ALTERNATE_ERROR_DETECTION_METHOD_NONE,
};

use super::{End, Event, Message, PACKET, Settings};

pub struct Dcsctp {
    socket: Box<dyn DcSctpSocket>,
    start: Instant,
    events: VecDeque<Event>,
    packets: VecDeque<Vec<u8>>,
    /// Messages taken, ever.
    taken: u64,
}

impl Dcsctp {
    pub fn new(settings: Settings, now: Instant) -> Self {
        let options = Options {
            mtu: PACKET,
            max_message_size: settings.largest_message,
            max_receiver_window_buffer_size: settings.receive_window,
            // Who writes keeps within bounds of its own.
            max_send_buffer_size: usize::MAX,
            per_stream_send_queue_limit: usize::MAX,
            // As WebRTC sets them.
            max_retransmissions: None,
            max_init_retransmits: None,
            max_timer_backoff_duration: Some(Duration::from_secs(3)),
            zero_checksum_alternate_error_detection_method: if settings.without_checksums {
                ZERO_CHECKSUM_ALTERNATE_ERROR_DETECTION_METHOD_LOWER_LAYER_DTLS
            } else {
                ZERO_CHECKSUM_ALTERNATE_ERROR_DETECTION_METHOD_NONE
            },
            ..Options::default()
        };
        Self {
            socket: ::dcsctp::new_socket("", &options),
            start: now,
            events: VecDeque::new(),
            packets: VecDeque::new(),
            taken: 0,
        }
    }

    fn collect(&mut self) {
        while let Some(event) = self.socket.poll_event() {
            let event = match event {
                SocketEvent::SendPacket(packet) => {
                    self.packets.push_back(packet);
                    continue;
                }
                SocketEvent::OnConnected() => Event::Up,
                SocketEvent::OnClosed() => Event::Ended("closed".to_owned()),
                SocketEvent::OnAborted(_, words) => Event::Ended(words),
                SocketEvent::OnIncomingStreamReset(streams) => Event::Reset {
                    streams: numbers(streams),
                    after: self.taken + self.socket.messages_ready_count() as u64,
                },
                SocketEvent::OnStreamsResetPerformed(streams) => Event::ResetDone(numbers(streams)),
                SocketEvent::OnStreamsResetFailed(streams) => Event::ResetRefused(numbers(streams)),
                _ => continue,
            };
            self.events.push_back(event);
        }
    }

    fn pass_time(&mut self, now: Instant) {
        self.socket.advance_time(SocketTime::zero() + now.saturating_duration_since(self.start));
    }
}

fn numbers(streams: Vec<StreamId>) -> Vec<u16> {
    streams.into_iter().map(|stream| stream.0).collect()
}

impl End for Dcsctp {
    fn connect(&mut self, now: Instant) {
        self.pass_time(now);
        self.socket.connect();
        self.collect();
    }

    fn handle_packet(&mut self, packet: &[u8], now: Instant) {
        self.pass_time(now);
        self.socket.handle_input(packet);
        self.collect();
    }

    fn timeout(&self) -> Option<Instant> {
        let at = self.socket.poll_timeout();
        (at != SocketTime::infinite_future()).then(|| self.start + (at - SocketTime::zero()))
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.pass_time(now);
        self.collect();
    }

    fn next_packet(&mut self, _now: Instant) -> Option<Vec<u8>> {
        self.packets.pop_front()
    }

    fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn send(&mut self, message: Message, unordered: bool, now: Instant) -> bool {
        self.pass_time(now);
        let sent = Sent::new(StreamId(message.stream), PpId(message.ppid), message.payload);
        let is_queued = self.socket.send(sent, &SendOptions { unordered, ..SendOptions::default() }).is_ok();
        self.collect();
        is_queued
    }

    fn receive(&mut self, _now: Instant) -> Option<Message> {
        let message = self.socket.get_next_message()?;
        self.taken += 1;
        Some(Message { stream: message.stream_id.0, ppid: message.ppid.0, payload: message.payload })
    }

    fn queued(&mut self, stream: u16) -> usize {
        self.socket.buffered_amount(StreamId(stream))
    }

    fn reset(&mut self, streams: &[u16], now: Instant) -> bool {
        self.pass_time(now);
        let streams: Vec<StreamId> = streams.iter().map(|stream| StreamId(*stream)).collect();
        let is_asked = self.socket.reset_streams(&streams).is_ok();
        self.collect();
        is_asked
    }

    fn shutdown(&mut self, now: Instant) {
        self.pass_time(now);
        self.socket.shutdown();
        self.collect();
    }

    fn abort(&mut self, now: Instant) {
        self.pass_time(now);
        self.socket.close();
        self.collect();
    }

    fn is_up(&self) -> bool {
        self.socket.state() == SocketState::Connected
    }

    fn sent_again(&self) -> Option<u64> {
        self.socket.get_metrics().map(|metrics| metrics.rtx_packets_count as u64)
    }
}
