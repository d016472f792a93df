//! Data, acknowledgements and resets, in both directions.

use std::time::Instant;

use super::{Association, Receiver, State, cause};
use crate::event::Event;
use crate::packet::chunk::{Data, Sack, flag, kind};
use crate::packet::reconfig;
use crate::packet::write::Writer;
use crate::receive::acknowledge::Arrival;
use crate::resets::{Answered, Deferred, Taken};
use crate::serial;

const INVALID_STREAM: u16 = 1;

impl Association {
    pub(super) fn take_data_untrusted(&mut self, chunk: &crate::packet::Chunk<'_>, now: Instant) {
        let is_taken =
            matches!(self.state, State::Established | State::ShutdownPending | State::ShutdownSent);
        let Some(receiver) = self.receiver.as_mut().filter(|_| is_taken) else { return };
        let Some(data) = Data::parse_untrusted(chunk) else {
            self.refused_packets += 1;
            return;
        };
        if data.payload.is_empty() {
            self.abort_with(crate::packet::chunk::cause::NO_USER_DATA, "DATA without a byte of it");
            return;
        }
        let tsn = serial::unwrap(receiver.acknowledger.cumulative(), data.tsn);
        if data.flags & flag::IMMEDIATE != 0 {
            receiver.acknowledger.hurry();
        }
        match receiver.acknowledger.judge(tsn) {
            Arrival::Duplicate => receiver.acknowledger.take_duplicate(data.tsn),
            Arrival::New if receiver.has_room_for(tsn, data.payload.len(), self.config.max_message) => {
                self.keep(tsn, &data, now);
            }
            Arrival::New if receiver.keeps_what_nothing_completes(&data, self.config.max_message) => {
                self.violate("fragments that nothing can complete");
            }
            // The sender is to learn of the window at once.
            Arrival::New | Arrival::Refused => receiver.acknowledger.hurry(),
        }
    }

    fn keep(&mut self, tsn: u64, data: &Data<'_>, now: Instant) {
        let Some(receiver) = &mut self.receiver else { return };
        receiver.acknowledger.take(tsn);
        let length = data.payload.len();
        let missing = receiver.acknowledger.missing();
        receiver.window.arrived(length, missing, now, self.sender.round_trip.least());
        self.heartbeats.arrived(length, now, self.sender.round_trip.smoothed().unwrap_or_default());
        if data.stream >= self.config.streams {
            // RFC 9260 section 3.3.10.1: it is acknowledged, and is no data.
            let stream = data.stream;
            self.push_packet(self.peer_tag, |writer, _| {
                writer.chunk(kind::ERROR, 0, |out| {
                    let [high, low] = stream.to_be_bytes();
                    cause(out, INVALID_STREAM, &[high, low, 0, 0]);
                });
            });
            return;
        }
        if !receiver.reassembly.has_room_for(data.stream) {
            self.violate("data on more streams than are kept; it is to reset those that it is done with");
            return;
        }
        if receiver.reassembly.add(tsn, data).is_err() {
            self.violate("fragments that make no message");
            return;
        }
        self.finish_deferred_reset();
    }

    pub(super) fn take_sack_untrusted(&mut self, chunk: &crate::packet::Chunk<'_>, now: Instant) {
        if self.receiver.is_none() || self.state == State::CookieEchoed {
            return;
        }
        let Some(sack) = Sack::parse_untrusted(chunk) else {
            self.refused_packets += 1;
            return;
        };
        self.acknowledge(&sack, now);
    }

    pub(super) fn acknowledge(&mut self, sack: &Sack<'_>, now: Instant) {
        if let Err(words) = self.sender.handle_sack_untrusted(sack, now) {
            self.violate(words);
            return;
        }
        self.watch_path_mtu(now);
        self.go_on_closing(now);
    }

    /// A packet was taken: acknowledge it, perhaps.
    pub(super) fn end_packet(&mut self, now: Instant) {
        let round_trip = self.sender.round_trip.smoothed().unwrap_or_default();
        let Some(receiver) = &mut self.receiver else { return };
        if receiver.acknowledger.end_packet(now, round_trip) && self.packets.len() < super::MAX_WAITING {
            let mut packet = Vec::new();
            let mut writer = self.writer(&mut packet);
            self.write_sack(&mut writer, now);
            writer.finish(self.needs_checksum());
            self.packets.push_back(packet);
        }
    }

    fn writer<'a>(&self, out: &'a mut Vec<u8>) -> Writer<'a> {
        let ports = (self.config.local_port, self.config.remote_port);
        Writer::new(out, self.sender.packet_size(), ports, self.peer_tag)
    }

    fn write_sack(&mut self, writer: &mut Writer<'_>, now: Instant) {
        let Some(receiver) = &mut self.receiver else { return };
        let window = receiver.offered(self.config.packet_size);
        receiver.has_closed = window == 0;
        let report = receiver.acknowledger.report(now);
        writer.sack(report.cumulative, window, report.blocks.into_iter(), &report.duplicates);
        self.sacks += 1;
    }

    /// Write a packet with data, an acknowledgement, or both.
    pub(super) fn write_data(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        let may_send = self.state != State::ShutdownSent && self.sender.may_send(now);
        let acknowledger = self.receiver.as_ref().map(|half| &half.acknowledger);
        let says = acknowledger.is_some_and(|half| half.is_due(now) || (may_send && half.is_pending()));
        if !may_send && !says {
            return false;
        }
        let mut writer = self.writer(out);
        if says {
            self.write_sack(&mut writer, now);
        }
        let has_data = may_send && self.sender.fill(&mut writer, now);
        if writer.is_empty() {
            return false;
        }
        if has_data {
            self.heartbeats.put_off(now);
        }
        writer.finish(self.needs_checksum());
        true
    }

    /// Write a packet with an answer to a request of the peer's, or with one of this end's.
    pub(super) fn write_reset(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if let Some((number, result)) = self.resets.next_answer() {
            let mut writer = self.writer(out);
            reconfig::write_response(&mut writer, number, result);
            writer.finish(self.needs_checksum());
            return true;
        }
        let (queue, last_tsn) = (&self.sender.queue, self.sender.next_tsn().wrapping_sub(1) as u32);
        self.resets.begin(last_tsn, |stream| queue.is_amid_message(stream), now);
        let (round_trip, last) = (&self.sender.round_trip, self.resets.last_concluded());
        let Some(request) = self.resets.take_due(now, |times| round_trip.timeout_after(times)).cloned()
        else {
            return false;
        };
        let mut writer = self.writer(out);
        reconfig::write_request(&mut writer, request.number, last, request.last_tsn, &request.streams);
        writer.finish(self.needs_checksum());
        true
    }

    pub(super) fn take_answer_untrusted(&mut self, number: u32, result: u32, _now: Instant) {
        match self.resets.take_answer_untrusted(number, result) {
            None => {}
            Some(Answered::Done(streams)) => {
                self.sender.queue.finish_reset(&streams);
                self.events.push_back(Event::ResetDone(streams));
            }
            Some(Answered::Refused(streams)) => {
                self.sender.queue.refuse_reset(&streams);
                self.events.push_back(Event::ResetRefused(streams));
            }
        }
    }

    pub(super) fn take_reset_untrusted(&mut self, number: u32, last_tsn: u32, streams: Vec<u16>) {
        let Some(receiver) = &mut self.receiver else { return };
        let cumulative = receiver.acknowledger.cumulative();
        let request = Deferred { last_tsn: serial::unwrap(cumulative, last_tsn), streams };
        match self.resets.take_request_untrusted(number, cumulative, request) {
            Taken::Answered => {}
            Taken::Performed(request) => self.perform(request),
            Taken::Deferred { streams, last_tsn } => receiver.reassembly.hold_after(&streams, last_tsn),
        }
    }

    fn finish_deferred_reset(&mut self) {
        let Some(receiver) = &self.receiver else { return };
        if let Some(request) = self.resets.take_ready(receiver.acknowledger.cumulative()) {
            self.perform(request);
        }
    }

    fn perform(&mut self, request: Deferred) {
        let Some(receiver) = &mut self.receiver else { return };
        let after = receiver.reassembly.completed();
        let Deferred { last_tsn, streams } = request;
        let result = receiver.reassembly.reset(&streams, last_tsn);
        receiver.share.settle(receiver.reassembly.held());
        self.events.push_back(Event::Reset { streams, after });
        if result.is_err() {
            self.violate("fragments that make no message");
        }
    }
}

impl Receiver {
    /// Whether what has this TSN may be kept. The one that fills the first gap may also where there is no room, up
    /// to the message that it belongs to, for nothing could be read before it.
    fn has_room_for(&mut self, tsn: u64, length: usize, max_message: usize) -> bool {
        let held = self.reassembly.held();
        if held < self.window.capacity() && self.share.covers(held + length) {
            return true;
        }
        let most = self.window.capacity().min(self.share.granted()) + 2 * max_message;
        let fills_gap = self.acknowledger.has_gap() && tsn == self.acknowledger.cumulative() + 1;
        fills_gap && held < most
    }

    /// Whether nothing is missing, there is nothing to read, and still more is held than one message and its bookkeeping
    /// take: the fragments of a message follow each other (RFC 9260 section 6.9), so what is to come cannot complete
    /// these.
    fn keeps_what_nothing_completes(&self, data: &Data<'_>, max_message: usize) -> bool {
        !self.acknowledger.has_gap()
            && self.reassembly.waiting() == 0
            && self.reassembly.held() + data.payload.len() > 2 * max_message
    }

    /// What to offer the peer.
    fn offered(&self, packet: usize) -> u32 {
        let held = self.reassembly.held();
        self.window.offered(held, self.share.free(held), packet)
    }

    /// The caller has taken a message. A peer that was offered no room is told once there is some worth sending for.
    pub(super) fn has_been_read(&mut self, packet: usize) {
        let held = self.reassembly.held();
        self.share.settle(held);
        if self.has_closed
            && 2 * self.offered(packet) as usize >= self.window.limit().min(self.share.granted())
        {
            self.has_closed = false;
            self.acknowledger.force();
        }
    }
}
