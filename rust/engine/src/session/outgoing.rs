//! What a flush does: events for the reader, packets for the peer.

use std::time::Instant;

use super::{Established, Event, Phase, Reason, Session};
use crate::association;

impl Session {
    /// Deliver what may be delivered, and take the association's events.
    pub(super) fn handle_association(&mut self, now: Instant) {
        let Some(association) = &mut self.association else {
            return;
        };
        let unread = association.delivered() - self.consumed.min(association.delivered());
        // Delivery begins again when half of the budget is free, so that a window opens in large steps.
        let budget = self.config.unread_bytes;
        let wanted = !self.stalled || unread <= budget / 2;
        if self.held {
            self.stalled = association.is_stalled();
        } else if wanted {
            association.deliver(budget.saturating_sub(unread));
            let stalled = association.is_stalled();
            if self.stalled {
                association.announce_window();
            }
            self.stalled = stalled;
        }
        association.grant();
        while let Some(event) = association.poll_event() {
            match event {
                association::Event::Connected if self.phase == Phase::Associating => {
                    self.phase = Phase::Connected;
                    let took = now.saturating_duration_since(self.step_started);
                    self.times.sctp = Some(took);
                    self.last_heard = now;
                    self.events.push_back(Event::Connected(Established {
                        version: self.version,
                        remote: self.wire.remote,
                        fingerprint: self.fingerprint,
                        times: self.times,
                    }));
                }
                association::Event::Ended(reason, detail) => {
                    self.end(reason, detail);
                    return;
                }
                other => self.events.extend(translate(other)),
            }
        }
    }

    /// Take the association's events at the end. Returns how it has ended itself, if it has.
    pub(super) fn translate_events(&mut self) -> Option<(Reason, String)> {
        let mut ended = None;
        while let Some(event) = self.association.as_mut()?.poll_event() {
            match event {
                association::Event::Ended(reason, detail) => ended = Some((reason, detail)),
                other => self.events.extend(translate(other)),
            }
        }
        ended
    }

    pub(super) fn send_packets(&mut self, now: Instant) {
        let Some(association) = &mut self.association else {
            return;
        };
        let mut packet = Vec::new();
        while association.next_packet(&mut packet) {
            if let Err(error) = self.dtls.send(&packet, &mut self.wire) {
                self.after_dtls(Err(error), now);
                return;
            }
        }
    }

    /// Something that this end has sent is to be acknowledged.
    pub(super) fn watch_outstanding(&mut self, now: Instant) {
        if let (Some(association), true) =
            (&self.association, self.checker.is_some() && self.watch.is_at_rest())
            && self.phase >= Phase::Connected
            && !association.is_drained()
        {
            self.watch.start(association.quiet(self.config.quiet), now);
        }
    }
}

fn translate(event: association::Event) -> Option<Event> {
    match event {
        association::Event::Opened(key) => Some(Event::Opened(key)),
        association::Event::Data(key, data) => Some(Event::Data(key, data)),
        association::Event::Writable(key, bytes) => Some(Event::Writable(key, bytes)),
        association::Event::ChannelClosed(key) => Some(Event::ChannelClosed(key)),
        association::Event::Connected | association::Event::Ended(..) => None,
    }
}
