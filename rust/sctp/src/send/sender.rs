//! The sending half of an association: chunks leave as the windows and the pacer allow, and until they have arrived.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::detection::Detection;
use super::outstanding::{Chunk, Outstanding, State, size_of};
use super::queue::Queue;
use super::round_trip::RoundTrip;
use crate::config::Config;
use crate::congestion::{Acknowledged, Controller, Lost};
use crate::pacer::Pacer;
use crate::packet::COMMON_HEADER;
use crate::packet::chunk::{DATA_HEADER, Data, Sack, flag};
use crate::packet::write::Writer;
use crate::rate::{Sampler, Stamp};
use crate::serial;

/// A sender whose window is smaller, in packets, asks for acknowledgements without delay (RFC 7053): at the start, and
/// where little is sent, whose end would wait for the peer's delay.
const IMMEDIATE_UNDER: u64 = 32;
/// TSNs that were sent again, of which a duplicate says that this was needless.
const MAX_RESENT: usize = 256;
/// RFC 8985 section 7.2: what is added to two round trips for a peer that acknowledges at once, as it is asked to.
const PROBE_SLACK: Duration = Duration::from_millis(5);
/// And for one that does not: RFC 9260 section 6.2 lets it wait so long.
const PEER_ACK_DELAY: Duration = Duration::from_millis(200);

/// The peer breaks a rule, in words.
pub(crate) type Violation = &'static str;

/// Losses since everything was last settled, and how many of them were none.
#[derive(Debug, Default)]
struct Episode {
    /// It ends when all below this TSN has arrived.
    end: Option<u64>,
    lost: u64,
    mistaken: u64,
}

/// What one SACK has acknowledged.
#[derive(Debug, Default)]
struct Harvest {
    bytes: u64,
    newest_sent: Option<Instant>,
    mistaken: u64,
    probe_arrived: bool,
    /// What the probe repeats had arrived without it.
    probe_was_needless: bool,
}

/// Counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) data_packets: u64,
    pub(crate) retransmitted_packets: u64,
    pub(crate) spurious: u64,
    pub(crate) timeouts: u64,
}

/// The sending half.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) queue: Queue,
    pub(crate) round_trip: RoundTrip,
    pub(crate) counts: Counts,
    outstanding: Outstanding,
    detection: Detection,
    sampler: Sampler,
    pacer: Pacer,
    controller: Box<dyn Controller>,
    episode: Episode,
    packet_size: usize,
    /// What the peer has offered last.
    peer_window: usize,
    /// Transmissions, ever.
    transmissions: u64,
    resent: VecDeque<u64>,
    /// When the retransmission timer expires, and how often it has since something arrived.
    timer: Option<Instant>,
    expiries: u32,
    /// When the tail of what is out is probed (RFC 8985 section 7).
    probe_at: Option<Instant>,
    /// A probe is to leave now, whatever the windows say.
    probes: bool,
    /// The probe that is out: its TSN, and whether it was sent before.
    probe: Option<(u64, bool)>,
    probe_slack: Duration,
}

impl Sender {
    pub(crate) fn new(config: &Config, first_tsn: u64, now: Instant) -> Self {
        Self {
            queue: Queue::default(),
            round_trip: RoundTrip::new(config.initial_timeout, config.min_timeout, config.max_timeout),
            counts: Counts::default(),
            outstanding: Outstanding::new(first_tsn),
            detection: Detection::new(first_tsn),
            sampler: Sampler::new(now),
            pacer: Pacer::new(now),
            controller: config.controller.controller(now, config.packet_size as u64),
            episode: Episode::default(),
            packet_size: config.packet_size,
            peer_window: 0,
            transmissions: 0,
            resent: VecDeque::new(),
            timer: None,
            expiries: 0,
            probe_at: None,
            probes: false,
            probe: None,
            probe_slack: PROBE_SLACK,
        }
    }

    pub(crate) fn set_peer_window(&mut self, window: u32) {
        self.peer_window = window as usize;
    }

    pub(crate) fn peer_window(&self) -> usize {
        self.peer_window
    }

    /// The TSN of the next new chunk.
    pub(crate) fn next_tsn(&self) -> u64 {
        self.outstanding.next()
    }

    /// Whether nothing waits and everything has arrived.
    pub(crate) fn is_drained(&self) -> bool {
        self.outstanding.is_empty() && self.queue.is_idle()
    }

    /// Whether all that has left has arrived.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.outstanding.is_empty()
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.outstanding.in_flight()
    }

    pub(crate) fn window(&self) -> u64 {
        self.controller.window()
    }

    pub(crate) fn pacing_rate(&self) -> Option<u64> {
        self.controller.pacing_rate()
    }

    /// When `handle_timeout` wants to be called.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let paced = if self.may_send_more() { self.pacer.next(self.controller.pacing_rate()) } else { None };
        [self.timer, self.probe_at, self.detection.deadline(), paced].into_iter().flatten().min()
    }

    /// Let time pass.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.detection.deadline().is_some_and(|at| at <= now) {
            self.detect(now);
        }
        if self.timer.is_some_and(|at| at <= now) {
            self.expire(now);
        } else if self.probe_at.is_some_and(|at| at <= now) {
            self.probe_at = None;
            self.probes = true;
        }
    }

    /// Send the first of what is outstanding again: the path is another one now.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if self.timer.is_some() {
            self.expiries = 0;
            self.expire(now);
            self.expiries = 0;
        }
    }

    /// The retransmission timer has expired (RFC 9260 section 6.3.3): take all that is out for lost.
    fn expire(&mut self, now: Instant) {
        self.counts.timeouts += 1;
        self.expiries += 1;
        if self
            .outstanding
            .get(self.outstanding.first())
            .is_some_and(|chunk| chunk.state == State::Acknowledged)
        {
            self.outstanding.renege();
        }
        let all = self.outstanding.first()..self.outstanding.next();
        let mut bytes = 0;
        for tsn in all {
            if let Some((size, _)) = self.outstanding.lose(tsn) {
                bytes += size;
                self.episode.lost += 1;
            }
        }
        // The timer of a zero window probe says nothing about the path (section 6.1 rule A).
        if self.peer_window > 0 && bytes > 0 {
            self.sampler.lose(bytes);
            self.controller.on_timeout(now);
        }
        self.episode.end = Some(self.outstanding.next());
        self.detection.restart(self.outstanding.next());
        self.probe = None;
        self.probe_at = None;
        self.timer = Some(now + self.round_trip.timeout_after(self.expiries));
    }

    /// Take an acknowledgement.
    pub(crate) fn handle_sack_untrusted(&mut self, sack: &Sack<'_>, now: Instant) -> Result<(), Violation> {
        let first = self.outstanding.first();
        let cumulative = serial::unwrap(first, sack.cumulative);
        if cumulative + 1 < first {
            // An older one that was overtaken.
            return Ok(());
        }
        let next = self.outstanding.next();
        let highest = sack.blocks().map(|(_, end)| cumulative + u64::from(end)).max().unwrap_or(cumulative);
        if cumulative.max(highest) >= next {
            return Err("a SACK acknowledges what was not sent");
        }
        if sack.blocks().any(|(start, end)| start < 1 || end < start) {
            return Err("a SACK has a gap block that is none");
        }
        let prior_in_flight = self.outstanding.in_flight();
        let harvest = self.harvest(sack, cumulative, now);
        let named: u64 = sack.blocks().map(|(start, end)| u64::from(end - start) + 1).sum();
        self.peer_window = if cumulative >= first || named >= self.outstanding.acknowledged_count() as u64 {
            sack.window as usize
        } else {
            // It knows less than an earlier one did: it was overtaken, and its window may be gone by now.
            self.peer_window.min(sack.window as usize)
        };
        self.detection.set_known(sack.blocks().count(), highest);
        if harvest.bytes == 0 && sack.duplicates().next().is_none() {
            self.detect(now);
            return Ok(());
        }
        let round_trip = harvest.newest_sent.map(|sent| now.saturating_duration_since(sent));
        if let Some(sample) = round_trip {
            self.round_trip.measure(sample, now);
            // Until something is measured the timer stays as long as it has become (RFC 6298 section 5.7).
            self.expiries = 0;
        }
        self.judge_resent(sack, &harvest, now);
        self.end_episode();
        self.detect(now);
        if harvest.bytes > 0 {
            let sample = self.sampler.take_sample(now, self.round_trip.least());
            self.controller.on_acknowledged(&Acknowledged {
                now,
                bytes: harvest.bytes,
                prior_in_flight,
                in_flight: self.outstanding.in_flight(),
                round_trip,
                sample,
                in_recovery: self.episode.end.is_some(),
            });
            let wait = self.round_trip.timeout_after(self.expiries);
            self.timer = (!self.outstanding.is_empty()).then(|| now + wait);
            self.plan_probe(now);
        }
        Ok(())
    }

    fn harvest(&mut self, sack: &Sack<'_>, cumulative: u64, now: Instant) -> Harvest {
        let mut harvest = Harvest::default();
        let least = self.round_trip.least().unwrap_or_default();
        let (detection, sampler, probe) = (&mut self.detection, &mut self.sampler, self.probe);
        let mut arrived = |tsn: u64, chunk: &Chunk| {
            harvest.bytes += chunk.size();
            sampler.acknowledge(now, &chunk.stamp, chunk.size());
            let is_first = chunk.transmissions == 1;
            // Before what was sent again can have arrived: an earlier transmission has.
            let is_early = !is_first && now < chunk.stamp.sent + least;
            if probe.is_some_and(|(probe, _)| probe == tsn) {
                harvest.probe_arrived = true;
                harvest.probe_was_needless = is_early;
            } else if chunk.state == State::Lost || is_early {
                harvest.mistaken += 1;
            }
            if chunk.state == State::Lost || is_early {
                return;
            }
            detection.arrived(tsn, chunk.number, chunk.stamp.sent, is_first, now);
            if is_first {
                harvest.newest_sent = harvest.newest_sent.max(Some(chunk.stamp.sent));
            }
        };
        self.outstanding.acknowledge_to(cumulative, &mut arrived);
        for (start, end) in sack.blocks() {
            let (from, to) = (cumulative + u64::from(start), cumulative + u64::from(end));
            self.outstanding.acknowledge_block(from, to, &mut arrived);
        }
        harvest
    }

    /// What was sent again and had arrived, and what a probe has shown.
    fn judge_resent(&mut self, sack: &Sack<'_>, harvest: &Harvest, now: Instant) {
        let mut mistaken = harvest.mistaken;
        let mut probe_was_needless = harvest.probe_was_needless;
        for duplicate in sack.duplicates() {
            let tsn = serial::unwrap(self.outstanding.first(), duplicate);
            if self.probe.is_some_and(|(probe, _)| probe == tsn) {
                probe_was_needless = true;
            } else if let Some(at) = self.resent.iter().position(|resent| *resent == tsn) {
                self.resent.swap_remove_back(at);
                mistaken += 1;
            }
        }
        if probe_was_needless {
            // Nothing was lost; the peer took its time to say so.
            self.probe_slack = PEER_ACK_DELAY;
            self.probe = None;
        } else if harvest.probe_arrived
            && let Some((_, was_sent_before)) = self.probe.take()
            && was_sent_before
        {
            // RFC 8985 section 7.4: the probe has mended a loss that nothing else would have shown.
            self.report_lost(now, self.packet_size as u64, None);
        }
        if mistaken > 0 {
            self.counts.spurious += mistaken;
            self.episode.mistaken += mistaken;
            self.detection.widen(now, self.round_trip.smoothed().unwrap_or_default());
            if self.episode.lost > 0 && self.episode.mistaken >= self.episode.lost {
                self.episode = Episode::default();
                self.controller.on_spurious(now);
            }
        }
    }

    fn end_episode(&mut self) {
        if self.episode.end.is_some_and(|end| self.outstanding.first() >= end) {
            self.episode = Episode::default();
            self.detection.end_recovery();
        }
    }

    fn detect(&mut self, now: Instant) {
        let least = self.round_trip.least().unwrap_or_default();
        let smoothed = self.round_trip.smoothed().unwrap_or_default();
        let in_recovery = self.episode.end.is_some();
        let (sampler, episode) = (&mut self.sampler, &mut self.episode);
        let mut bytes = 0;
        let mut last = None;
        self.detection.detect(
            now,
            &mut self.outstanding,
            in_recovery,
            (least, smoothed),
            |outstanding, tsn| {
                if let Some((size, stamp)) = outstanding.lose(tsn) {
                    sampler.lose(size);
                    episode.lost += 1;
                    bytes += size;
                    last = Some(stamp);
                }
            },
        );
        if bytes > 0 {
            self.probe_at = None;
            self.report_lost(now, bytes, last);
        }
    }

    fn report_lost(&mut self, now: Instant, bytes: u64, last: Option<Stamp>) {
        let is_new_episode = self.episode.end.is_none();
        if is_new_episode {
            self.episode.end = Some(self.outstanding.next());
        }
        let in_flight = self.outstanding.in_flight();
        self.controller.on_lost(&Lost {
            now,
            bytes,
            in_flight_when_sent: last.map_or(in_flight + bytes, |stamp| stamp.in_flight),
            lost_since_sent: last.map_or(bytes, |stamp| self.sampler.lost() - stamp.lost),
            in_flight,
            is_new_episode,
        });
    }

    /// RFC 8985 section 7.2: when to probe, if nothing is heard until then.
    fn plan_probe(&mut self, now: Instant) {
        self.probe_at = None;
        let is_calm = self.episode.end.is_none() && self.probe.is_none() && self.expiries == 0;
        if let (Some(smoothed), true) = (self.round_trip.smoothed(), is_calm)
            && self.outstanding.in_flight() > 0
            && self.peer_window > 0
        {
            self.probe_at = Some(now + smoothed * 2 + self.probe_slack);
        }
    }

    /// Whether anything waits that a window does not hold back.
    fn may_send_more(&self) -> bool {
        if let Some(tsn) = self.outstanding.first_lost() {
            return self.outstanding.get(tsn).is_some_and(|chunk| self.fits_in_flight(chunk.size(), 0));
        }
        let full = self.full_payload();
        self.queue.next_size(full, full).is_some_and(|size| self.fits(size, 0))
    }

    /// Payload of a chunk that has a packet for itself.
    fn full_payload(&self) -> usize {
        (self.packet_size - COMMON_HEADER - DATA_HEADER) / 4 * 4
    }

    /// Whether a chunk fits into the congestion window beside what this packet holds; one always does.
    fn fits_in_flight(&self, size: u64, in_packet: u64) -> bool {
        let in_flight = self.outstanding.in_flight();
        in_flight + size <= self.controller.window() || in_flight == in_packet
    }

    /// Whether new payload fits into both windows. One chunk goes into a closed one, and asks whether it
    /// is open again (RFC 9260 section 6.1 rule A).
    fn fits(&self, payload: usize, in_packet: u64) -> bool {
        let unacknowledged = self.outstanding.unacknowledged();
        (unacknowledged + payload <= self.peer_window || unacknowledged == 0)
            && self.fits_in_flight(size_of(payload), in_packet)
    }

    /// Whether a packet with data may leave now.
    pub(crate) fn may_send(&mut self, now: Instant) -> bool {
        if self.probes && !self.outstanding.is_empty() {
            return true;
        }
        self.may_send_more() && self.pacer.may_send(now, self.controller.pacing_rate())
    }

    /// Put into a packet what may leave. Returns whether it has put anything there.
    pub(crate) fn fill(&mut self, writer: &mut Writer<'_>, now: Instant) -> bool {
        let mut bytes = 0;
        let mut has_resent = false;
        if std::mem::take(&mut self.probes) {
            bytes = self.write_probe(writer, now);
            has_resent = self.probe.is_some_and(|(_, was_sent_before)| was_sent_before);
        } else {
            while let Some(tsn) = self.outstanding.first_lost() {
                let size = self.outstanding.get(tsn).map_or(0, Chunk::size);
                if size > writer.room() as u64 || !self.fits_in_flight(size, bytes) {
                    break;
                }
                bytes += self.resend(writer, tsn, now);
                has_resent = true;
            }
            if self.outstanding.first_lost().is_none() {
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

fn piece_data(piece: &super::queue::Piece) -> Data<'_> {
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
