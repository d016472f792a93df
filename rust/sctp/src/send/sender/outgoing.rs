//! Chunks on their way out: new ones, those that are sent again, and probes.

use std::time::Instant;

use super::Sender;
use crate::packet::COMMON_HEADER;
use crate::packet::chunk::{DATA_HEADER, Data, flag};
use crate::packet::write::Writer;
use crate::send::outstanding::{Chunk, size_of};
use crate::send::queue::Piece;

/// A sender whose window is smaller, in packets, asks for acknowledgements without delay (RFC 7053): at the start, and
/// where little is sent, whose end would wait for the peer's delay.
const IMMEDIATE_UNDER: u64 = 32;
/// A chunk that was sent so often goes alone: what it shared its packets with may have made them too large for the path.
const ALONE_AFTER: u32 = 4;
/// TSNs that were sent again, of which a duplicate says that this was needless.
const MAX_RESENT: usize = 256;
impl Sender {
    /// Put into a packet what may leave. Returns whether it has put anything there.
    pub(crate) fn fill(&mut self, writer: &mut Writer<'_>, now: Instant) -> bool {
        let mut bytes = 0;
        let mut has_resent = false;
        if std::mem::take(&mut self.probes) {
            bytes = self.write_probe(writer, now);
            has_resent = self.probe.is_some_and(|(_, was_sent_before)| was_sent_before);
        } else {
            let mut is_alone = false;
            while let (Some(tsn), false) = (self.outstanding.first_lost(), is_alone) {
                let (size, transmissions) =
                    self.outstanding.get(tsn).map_or((0, 0), |chunk| (chunk.size(), chunk.transmissions));
                is_alone = transmissions >= ALONE_AFTER;
                if size > writer.room() as u64 || !self.fits_in_flight(size, bytes) || (is_alone && bytes > 0)
                {
                    break;
                }
                bytes += self.resend(writer, tsn, now);
                has_resent = true;
            }
            if self.outstanding.first_lost().is_none() && !is_alone {
                while let Some(size) = self.next_piece(writer, bytes) {
                    bytes += self.send_new(writer, size, now, false);
                }
            }
        }
        if bytes == 0 {
            return false;
        }
        self.counts.data_packets += 1;
        self.counts.retransmitted_packets += u64::from(has_resent);
        self.after_sending(bytes, now);
        true
    }

    fn after_sending(&mut self, bytes: u64, now: Instant) {
        let in_flight = self.outstanding.in_flight();
        self.pacer.sent(bytes + COMMON_HEADER as u64);
        let has_room = in_flight + self.packet_size as u64 <= self.controller.window();
        let is_limited = has_room && self.outstanding.first_lost().is_none() && !self.may_send_more();
        if is_limited {
            self.sampler.limit_by_application(in_flight);
        }
        self.controller.on_sent(now, bytes, in_flight, is_limited);
        if self.timer.is_none() {
            self.timer = Some(now + self.round_trip.timeout_after(self.expiries));
        }
        self.plan_probe(now);
    }

    /// The size of the next new piece, if it may go into this packet.
    fn next_piece(&self, writer: &Writer<'_>, in_packet: u64) -> Option<usize> {
        let room = writer.room().checked_sub(DATA_HEADER)? / 4 * 4;
        let size = self.queue.next_size(room, self.full_payload())?;
        self.fits(size, in_packet).then_some(size)
    }

    fn send_new(&mut self, writer: &mut Writer<'_>, size: usize, now: Instant, is_probe: bool) -> u64 {
        let tsn = self.outstanding.next();
        let Some(mut piece) = self.queue.take(size) else { return 0 };
        let in_flight = self.outstanding.in_flight();
        let window = self.controller.window();
        let is_small = window < IMMEDIATE_UNDER * self.packet_size as u64;
        let is_tail = self.queue.is_idle() && in_flight > 4 * self.packet_size as u64;
        if is_probe || is_small || is_tail {
            piece.flags |= flag::IMMEDIATE;
        }
        write(writer, tsn, &piece_data(&piece));
        let size = size_of(piece.payload.len());
        let stamp = self.sampler.send(now, size, in_flight);
        self.transmissions += 1;
        self.outstanding.push(piece, stamp, self.transmissions);
        size
    }

    fn resend(&mut self, writer: &mut Writer<'_>, tsn: u64, now: Instant) -> u64 {
        let Some(size) = self.outstanding.get(tsn).map(Chunk::size) else { return 0 };
        let stamp = self.sampler.send(now, size, self.outstanding.in_flight());
        self.transmissions += 1;
        let number = self.transmissions;
        let Some(chunk) = self.outstanding.resend(tsn, stamp, number) else { return 0 };
        let mut data = piece_data(&chunk.piece);
        // A recovery waits for nothing but these.
        data.flags |= flag::IMMEDIATE;
        write(writer, tsn, &data);
        self.detection.resend(tsn, number);
        if self.resent.len() == MAX_RESENT {
            self.resent.pop_front();
        }
        self.resent.push_back(tsn);
        size
    }

    /// RFC 8985 section 7.3: something new, or else the last of what is out again.
    fn write_probe(&mut self, writer: &mut Writer<'_>, now: Instant) -> u64 {
        let room = writer.room().saturating_sub(DATA_HEADER) / 4 * 4;
        let new = self
            .queue
            .next_size(room, self.full_payload())
            .filter(|size| self.outstanding.unacknowledged() + size <= self.peer_window);
        if let (Some(size), None) = (new, self.outstanding.first_lost()) {
            self.probe = Some((self.outstanding.next(), false));
            return self.send_new(writer, size, now, true);
        }
        let Some(tsn) = self.outstanding.first_lost().or_else(|| self.outstanding.last_in_flight()) else {
            return 0;
        };
        if self.outstanding.get(tsn).is_none_or(|chunk| chunk.size() > writer.room() as u64) {
            return 0;
        }
        self.probe = Some((tsn, true));
        self.resend(writer, tsn, now)
    }
}

fn piece_data(piece: &Piece) -> Data<'_> {
    Data {
        flags: piece.flags,
        tsn: 0,
        stream: piece.stream,
        ssn: piece.ssn,
        ppid: piece.ppid,
        payload: &piece.payload,
    }
}

fn write(writer: &mut Writer<'_>, tsn: u64, data: &Data<'_>) {
    writer.data(&Data { tsn: tsn as u32, ..*data });
}
