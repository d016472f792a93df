//! What SACKs say: what has arrived, what is lost, what was lost only by the look of it.

use std::time::{Duration, Instant};

use super::{Episode, Sender, Violation};
use crate::congestion::{Acknowledged, Lost};
use crate::packet::chunk::Sack;
use crate::rate::Stamp;
use crate::send::outstanding::{Chunk, State};
use crate::serial;

/// What is added to two round trips before a probe, for a peer that does not acknowledge at once: RFC 9260 section
/// 6.2 lets it wait so long.
const PEER_ACK_DELAY: Duration = Duration::from_millis(200);

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

impl Sender {
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
            if detection.may_have_arrived_before(tsn) {
                detection.arrived_some_time(tsn, chunk.number);
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

    pub(super) fn detect(&mut self, now: Instant) {
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
}
